import { expect, test } from 'vitest';
import { invariant, InvariantError } from './invariant.ts';

test('a false invariant throws with its message', () => {
  expect(() => invariant(0, 'the period has an end')).toThrow(new InvariantError('the period has an end'));
});

test('a true invariant narrows the type', () => {
  const value: string | null = ['x'][0] ?? null;
  invariant(value !== null, 'there is a value');
  expect(value.length).toBe(1);
});
