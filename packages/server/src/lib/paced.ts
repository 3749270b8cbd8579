/** Work by name: asked for at any time, run at most once in `pace_ms` for each name, and always after it was asked for last. */
export function createPaced(deps: {
  pace_ms: number;
  run(name: string): Promise<void>;
  onError(error: unknown, name: string): void;
}) {
  /** Names that wait for their time, or run. */
  const waiting = new Map<string, NodeJS.Timeout>();
  const running = new Set<Promise<void>>();
  const again = new Set<string>();

  function begin(name: string): void {
    const work = run(name).finally(() => running.delete(work));
    running.add(work);
  }

  async function run(name: string): Promise<void> {
    try {
      await deps.run(name);
    } catch (error) {
      deps.onError(error, name);
    }
    waiting.delete(name);
    if (again.delete(name)) ask(name);
  }

  function ask(name: string): void {
    if (waiting.has(name)) return void again.add(name);
    waiting.set(name, setTimeout(() => begin(name), deps.pace_ms).unref());
  }

  return {
    ask,
    /** Takes nothing more from its time on, and waits for what runs. */
    async close(): Promise<void> {
      for (const timer of waiting.values()) clearTimeout(timer);
      again.clear();
      await Promise.all(running);
    },
  };
}
