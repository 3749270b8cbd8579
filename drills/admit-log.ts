/**
 * What was let through, written by who asked and not by who counted. An admission took effect at some instant between when it was asked
 * for and when it was answered, both by the clock of the drill; so a window is held to have been exceeded only when admissions that
 * lie in it whole are more than its limit.
 */
export interface AdmitLog {
  add(asked_at: number, answered_at: number, limits: readonly number[]): void;
  size(): number;
  /**
   * Over all windows of this length, the greatest of what `compare` makes of the units in one and of the limit there (the greatest it
   * was asked with). 0 where it is never more.
   */
  worst(window_ms: number, which: number, compare: (held: number, limit: number) => number): number;
}

export function createAdmitLog(): AdmitLog {
  const entries: { asked_at: number; answered_at: number; limits: readonly number[] }[] = [];
  return {
    add: (asked_at, answered_at, limits) => void entries.push({ asked_at, answered_at, limits }),
    size: () => entries.length,
    worst,
  };

  function worst(window_ms: number, which: number, compare: (held: number, limit: number) => number): number {
    const byAsked = entries.toSorted((a, b) => a.asked_at - b.asked_at);
    const answers = byAsked.map(({ answered_at }) => answered_at).toSorted((a, b) => a - b);
    // Those asked at or after the window's start, by when they were answered: from the latest start to the earliest.
    const counts = createCounts(answers.length);
    const greatest = createGreatest();
    let most = 0;
    for (const entry of byAsked.toReversed()) {
      const end = entry.asked_at + window_ms;
      greatest.add(entry.asked_at, entry.limits[which] ?? 0);
      counts.add(upperBound(answers, entry.answered_at) - 1);
      // A window is half open: what lies exactly its length apart is not in one.
      const held = counts.below(upperBound(answers, end - 0.001));
      most = Math.max(most, compare(held, greatest.until(end)));
    }
    return most;
  }
}

/** The greatest limit in a window that moves back in time: limits are added from the latest on. */
function createGreatest(): { add(at: number, limit: number): void; until(end: number): number } {
  const falling: { at: number; limit: number }[] = [];
  let first = 0;
  return {
    add(at, limit) {
      while (falling.length > first && (falling.at(-1)?.limit ?? 0) <= limit) falling.pop();
      falling.push({ at, limit });
    },
    until(end) {
      while ((falling[first]?.at ?? 0) > end) first += 1;
      return falling[first]?.limit ?? 0;
    },
  };
}

/** How many of the sorted values are at most `at`. */
function upperBound(sorted: readonly number[], at: number): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((sorted[middle] ?? 0) <= at) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Counts by rank, added one by one and summed from the beginning (a Fenwick tree). */
function createCounts(size: number): { add(rank: number): void; below(rank: number): number } {
  const tree = new Int32Array(size + 1);
  return {
    add(rank) {
      for (let at = rank + 1; at <= size; at += at & -at) tree[at] = (tree[at] ?? 0) + 1;
    },
    below(rank) {
      let sum = 0;
      for (let at = rank; at > 0; at -= at & -at) sum += tree[at] ?? 0;
      return sum;
    },
  };
}
