import { expect, test } from 'vitest';
import { readDunning } from './define-dunning.ts';
import { Fields } from './fields.ts';

function faultsOf(value: unknown): Record<string, string> {
  const fields = new Fields();
  readDunning(fields, value);
  return Object.fromEntries(fields.faults.map((fault) => [fault.path, fault.message]));
}

test('steps get harder and later; what is left of the limits holds on after slow', () => {
  const fields = new Fields();
  const stages = readDunning(fields, [
    { step: 'warn', after_days: 0 },
    { step: 'slow', after_days: 3, rate: '10%' },
    { step: 'block', after_days: 14 },
  ]);
  expect(fields.faults).toEqual([]);
  expect(stages).toEqual([
    { step: 'warn', after_days: 0, rate_percent: 100 },
    { step: 'slow', after_days: 3, rate_percent: 10 },
    { step: 'block', after_days: 14, rate_percent: 10 },
  ]);
  expect(readDunning(fields, undefined)).toBeNull();
  expect(readDunning(fields, [{ step: 'slow', after_days: 1 }])).toMatchObject([{ rate_percent: 25 }]);
});

test('every fault is named with its place', () => {
  expect(
    faultsOf([
      { step: 'block', after_days: 7 },
      { step: 'slow', after_days: 7, rate: '0%' },
    ]),
  ).toEqual({
    'dunning[1].step': "must be harder than 'block': warn, slow, read_only, block",
    'dunning[1].after_days': 'must be later than 7',
    'dunning[1].rate': "must be a part like '25%', from 1% to 99%",
  });
  expect(faultsOf([{ step: 'mail', after_days: 400 }])).toEqual({
    'dunning[0].step': "must be 'warn' or 'slow' or 'read_only' or 'block'",
    'dunning[0].after_days': 'must be at most 365',
  });
  expect(faultsOf([{ after_days: -1, rate: '5%' }])).toEqual({
    'dunning[0].step': 'is missing',
    'dunning[0].after_days': 'must be a whole number, not negative',
    'dunning[0].rate': "belongs to the step 'slow'",
  });
  expect(faultsOf([])).toEqual({ dunning: 'must be a list with a step in it' });
});
