import { isDeepStrictEqual } from 'node:util';

/** Whether what is stored has all of these values already, so that writing them would change nothing. */
export function holds(stored: object, values: object): boolean {
  return Object.entries(values).every(([name, value]) => isDeepStrictEqual(Reflect.get(stored, name), value));
}
