/**
 * Work by name: asked for at any time, run at most once in `pace_ms` for each name, and always after it was asked for last.
 * One name at a time, so that however many are asked for, it takes a bounded part of what there is.
 */
export function createPaced(deps: {
  pace_ms: number;
  run(name: string): Promise<void>;
  onError(error: unknown, name: string): void;
}) {
  /** Names that wait for their time or their turn, or run. */
  const waiting = new Map<string, NodeJS.Timeout>();
  let last: Promise<void> = Promise.resolve();
  let isClosed = false;
  /** Of those, the ones whose time has come. */
  const due = new Set<string>();
  const again = new Set<string>();

  async function run(name: string): Promise<void> {
    if (isClosed) return;
    try {
      await deps.run(name);
    } catch (error) {
      deps.onError(error, name);
    }
    waiting.delete(name);
    due.delete(name);
    if (again.delete(name)) ask(name);
  }

  function begin(name: string): void {
    due.add(name);
    last = last.then(() => run(name));
  }

  function ask(name: string): void {
    if (isClosed) return;
    if (waiting.has(name)) return void again.add(name);
    waiting.set(name, setTimeout(() => begin(name), deps.pace_ms).unref());
  }

  return {
    ask,
    /** What waits for its time does not wait any longer; resolves when it is done. */
    async settle(): Promise<void> {
      for (const [name, timer] of waiting) {
        clearTimeout(timer);
        if (!due.has(name)) begin(name);
      }
      await last;
    },
    /** Takes nothing more from its time on, and waits for what runs. */
    async close(): Promise<void> {
      isClosed = true;
      for (const timer of waiting.values()) clearTimeout(timer);
      await last;
    },
  };
}
