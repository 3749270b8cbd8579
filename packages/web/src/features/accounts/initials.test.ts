import { expect, test } from 'vitest';
import { initials } from './initials.ts';

test.each([
  ['Ada Maria Reyes', 'AR'],
  ['ada', 'A'],
  ['  ', '?'],
  ['𝒜da Öz', '𝒜Ö'],
])('%j is %s', (name, expected) => {
  expect(initials(name)).toBe(expected);
});
