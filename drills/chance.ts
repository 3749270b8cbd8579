/** Chance that can be had again: the same seed draws the same numbers (mulberry32, public domain). */
export interface Chance {
  /** From 0 up to 1. */
  draw: () => number;
  /** A whole number from `low` to `high`, both inclusive. */
  between: (low: number, high: number) => number;
  oneOf: <T>(items: readonly T[]) => T;
}

export function createChance(seed: number): Chance {
  let state = seed >>> 0;
  const draw = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
  const between = (low: number, high: number): number => low + Math.floor(draw() * (high - low + 1));
  return {
    draw,
    between,
    oneOf(items) {
      const item = items[between(0, items.length - 1)];
      if (item === undefined) throw new RangeError('There is nothing to choose from.');
      return item;
    },
  };
}

/** What a drill was asked on its command line: `--long`, `--seed 7`. Without a seed the time of the start is one. */
export function readChoices(argv: readonly string[]): { isLong: boolean; seed: number } {
  const at = argv.indexOf('--seed');
  const seed = at === -1 ? Date.now() % 1_000_000_007 : Number(argv[at + 1]);
  if (!Number.isSafeInteger(seed)) throw new RangeError('--seed takes a whole number.');
  return { isLong: argv.includes('--long'), seed };
}
