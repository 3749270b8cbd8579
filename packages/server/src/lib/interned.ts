import { invariant } from './invariant.ts';

interface One<T> {
  value: T;
  text: string;
  /** How many hold it. */
  held: number;
}

/**
 * Values that are the same for many, kept once each and named by a number. Two that say the same in JSON are one. Who holds a number lets it go
 * again; what nobody holds is forgotten. What is kept here must not be changed.
 */
export function createInterned<T extends object>() {
  const ones: (One<T> | null)[] = [];
  const gone: number[] = [];
  const byText = new Map<string, number>();
  /** Saves the text of one that came from here, or came before. */
  const byValue = new WeakMap<T, number>();

  function placeOf(value: T): number {
    const seen = byValue.get(value);
    if (seen !== undefined && ones[seen]?.value === value) return seen;
    const text = JSON.stringify(value);
    const known = byText.get(text);
    if (known !== undefined) return known;
    const place = gone.pop() ?? ones.length;
    ones[place] = { value, text, held: 0 };
    byText.set(text, place);
    byValue.set(value, place);
    return place;
  }

  function get(place: number): One<T> {
    const one = ones[place] ?? null;
    invariant(one !== null, 'what is held is kept');
    return one;
  }

  return {
    hold(value: T): number {
      const place = placeOf(value);
      get(place).held += 1;
      return place;
    },
    get: (place: number): T => get(place).value,
    letGo(place: number): void {
      const one = get(place);
      one.held -= 1;
      if (one.held > 0) return;
      ones[place] = null;
      gone.push(place);
      byText.delete(one.text);
    },
    size: () => byText.size,
    clear(): void {
      ones.length = 0;
      gone.length = 0;
      byText.clear();
    },
  };
}

export type Interned<T extends object> = ReturnType<typeof createInterned<T>>;
