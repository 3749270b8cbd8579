import { expect, test } from 'vitest';
import { readTopUps } from './define-top-ups.ts';
import { Fields } from './fields.ts';

function read(value: unknown, currency: string | null = 'usd') {
  const fields = new Fields();
  const terms = readTopUps(fields, currency, value);
  return { terms, faults: fields.faults.map(({ path, message }) => `${path} ${message}`) };
}

test('nothing said: nobody buys credit; packs alone: between the smallest and the largest, for ever', () => {
  expect(read(undefined)).toEqual({ terms: null, faults: [] });
  expect(read({ packs: ['10', '50'] })).toEqual({
    terms: { packs_minor: [1000, 5000], minimum_minor: 1000, maximum_minor: 5000, expires_after_days: null },
    faults: [],
  });
  const all = { packs: ['10'], minimum: '5', maximum: '500.50', expires_after_days: 365 };
  expect(read(all).terms).toMatchObject({ minimum_minor: 500, maximum_minor: 50_050, expires_after_days: 365 });
});

test.each<[unknown, string]>([
  [{}, 'top_ups.packs'],
  [{ packs: [] }, 'top_ups.packs must be a list with an amount in it'],
  [{ packs: ['0'] }, 'top_ups.packs[0] must be above nothing'],
  [{ packs: ['10', '10'] }, 'top_ups.packs[1] must be more than the one before'],
  [{ packs: ['1', '2', '3', '4', '5', '6', '7'] }, 'top_ups.packs must be at most 6'],
  [{ packs: ['10'], minimum: '11' }, 'top_ups.minimum must be at most the smallest pack'],
  [{ packs: ['10'], maximum: '9' }, 'top_ups.maximum must be at least the largest pack'],
  [{ packs: ['10'], expires_after_days: 0 }, 'top_ups.expires_after_days'],
  [{ packs: ['10'], expires_after_days: 4000 }, 'top_ups.expires_after_days must be at most 3650'],
  [{ packs: ['10'], bonus: '1' }, 'top_ups.bonus is not known here'],
])('%j is refused, with its path', (value, fault) => {
  expect(read(value).faults.join()).toContain(fault);
});

test('of a currency that is charged in whole units, packs are whole units', () => {
  expect(read({ packs: ['10.50'] }, 'isk').faults.join()).toContain('top_ups.packs[0]');
});
