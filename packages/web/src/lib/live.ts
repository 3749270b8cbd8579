import { useEffect, useRef, useState } from 'react';

/** At most one call of the listener per this many milliseconds, however fast events come. */
const quiet_ms = 400;
/** How long after the connection is lost for good a new one is tried. */
const retry_ms = 15_000;

/**
 * Listens to one event of a server-sent event stream while mounted. Answers whether the stream is open: a caller polls
 * while it is not. EventSource reconnects by itself after a cut, but gives up after an answer that is not a stream; then
 * this tries again later.
 */
export function useLive(url: string, event: string, listener: () => void): boolean {
  const [open, setOpen] = useState(false);
  const latest = useRef(listener);
  useEffect(() => {
    latest.current = listener;
  });

  useEffect(() => {
    let source: EventSource | null = null;
    let retry: ReturnType<typeof setTimeout> | undefined;
    const calls = throttle(() => latest.current(), quiet_ms);

    function connect(): void {
      source = new EventSource(url);
      source.addEventListener('open', () => setOpen(true));
      source.addEventListener(event, calls.call);
      source.addEventListener('error', () => {
        setOpen(false);
        if (source?.readyState === EventSource.CLOSED) retry = setTimeout(connect, retry_ms);
      });
    }

    connect();
    return () => {
      source?.close();
      clearTimeout(retry);
      calls.stop();
    };
  }, [url, event]);

  return open;
}

/** Calls at once, then at most once per `wait_ms`; the last call of a burst is never lost. */
function throttle(listener: () => void, wait_ms: number): { call: () => void; stop: () => void } {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let again = false;
  function run(): void {
    again = false;
    listener();
    timer = setTimeout(() => {
      timer = undefined;
      if (again) run();
    }, wait_ms);
  }
  return {
    call: () => {
      if (timer === undefined) run();
      else again = true;
    },
    stop: () => clearTimeout(timer),
  };
}
