/** The machine's clock, in milliseconds since 1970. The only reader of it. */
export function systemNow(): number {
  return Date.now();
}

/** A clock that nobody sets, in milliseconds from some instant: for how long something took. */
export function monotonic(): number {
  return performance.now();
}

/** Does nothing for so long, or until `signal` aborts. */
export function pause(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const over = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', over);
      resolve();
    };
    const timer = setTimeout(over, ms);
    signal?.addEventListener('abort', over);
  });
}
