/**
 * Answers that never change, each asked for once. Null is not kept: what is not there yet may come. At most `max` are held; the
 * oldest goes first.
 */
export function createKept<T>(max: number): (key: string, ask: () => Promise<T>) => Promise<T> {
  const held = new Map<string, T>();
  return async (key, ask) => {
    const known = held.get(key);
    if (known !== undefined) return known;
    const answer = await ask();
    if (answer === null) return answer;
    const [oldest] = held.keys();
    if (oldest !== undefined && held.size >= max) held.delete(oldest);
    held.set(key, answer);
    return answer;
  };
}
