/**
 * Work by name: asked for at any time, run at most once in `pace_ms` for each name, and always after it was asked for last.
 * One name at a time, and where it is said with a rest after each, so that however many are asked for, it takes a bounded part
 * of what there is.
 */
export function createPaced(deps: {
  pace_ms: number;
  /** So many times as long as a run was, and at most so long: where everything is slow, names do not wait for ever. */
  rest?: { times: number; most_ms: number };
  run(name: string): Promise<void>;
  onError(error: unknown, name: string): void;
}) {
  const { times, most_ms } = deps.rest ?? { times: 0, most_ms: 0 };
  /** Names that wait for their time or their turn, or run. */
  const waiting = new Map<string, NodeJS.Timeout>();
  /** Of those, the ones whose time has come, the earliest first. */
  const due = new Set<string>();
  const again = new Set<string>();
  let working: Promise<void> = Promise.resolve();
  let isWorking = false;
  let isClosed = false;
  let settling = 0;
  let endRest: (() => void) | null = null;

  async function work(): Promise<void> {
    isWorking = true;
    for (const name of due) {
      if (isClosed) break;
      const began_at = performance.now();
      await run(name);
      const ms = Math.min((performance.now() - began_at) * times, most_ms);
      if (ms > 0 && settling === 0 && !isClosed) await rest(ms);
    }
    isWorking = false;
  }

  async function run(name: string): Promise<void> {
    try {
      await deps.run(name);
    } catch (error) {
      deps.onError(error, name);
    }
    waiting.delete(name);
    due.delete(name);
    if (again.delete(name)) ask(name);
  }

  async function rest(ms: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms).unref();
      endRest = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    endRest = null;
  }

  function begin(name: string): void {
    due.add(name);
    if (!isWorking) working = work();
  }

  function ask(name: string): void {
    if (isClosed) return;
    if (waiting.has(name)) return void again.add(name);
    waiting.set(name, setTimeout(() => begin(name), deps.pace_ms).unref());
  }

  return {
    ask,
    /** What waits for its time does not wait any longer, and nobody rests; resolves when it is done. */
    async settle(): Promise<void> {
      settling += 1;
      for (const [name, timer] of waiting) {
        clearTimeout(timer);
        if (!due.has(name)) begin(name);
      }
      endRest?.();
      await working;
      settling -= 1;
    },
    /** Takes nothing more from its time on, and waits for what runs. */
    async close(): Promise<void> {
      isClosed = true;
      for (const timer of waiting.values()) clearTimeout(timer);
      endRest?.();
      await working;
    },
  };
}
