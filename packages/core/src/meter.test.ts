import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type MeteredEvent, billedUnits, dimensionsOf, foldMeter, keptDimensions, measure } from './meter.ts';
import { diffMeters } from './meter-change.ts';
import type { Meter } from './plan.ts';

const calls: Meter = { id: 'calls', name: 'Calls', unit: 'call', aggregation: 'count' };

function event(changes: Partial<MeteredEvent> = {}): MeteredEvent {
  return { type: 'calls', quantity: 1, occurred_at: 0, key_id: null, endpoint: '', properties: {}, ...changes };
}

describe('what a meter makes of an event', () => {
  test('counts events of its own name, as often as they say', () => {
    expect(measure(calls, event({ quantity: 3 }))).toEqual({ counted: true, amount: '3' });
    expect(measure(calls, event({ type: 'jobs' }))).toEqual({
      counted: false,
      reason: 'other_type',
      detail: 'counts calls, not jobs',
    });
  });

  test('takes events of the types it names, where every filter fits', () => {
    const failed: Meter = {
      ...calls,
      id: 'failed',
      events: ['calls', 'jobs'],
      filters: { status: ['500', '502'], key_id: ['key_a'], endpoint: ['/x'] },
    };
    const fits = { type: 'jobs', key_id: 'key_a', endpoint: '/x', properties: { status: 502 } };
    expect(measure(failed, event(fits))).toMatchObject({ counted: true });
    expect(measure(failed, event({ ...fits, properties: { status: 200 } }))).toEqual({
      counted: false,
      reason: 'filtered',
      detail: 'takes status 500 or 502, not "200"',
    });
    expect(measure(failed, event({ ...fits, properties: {} }))).toMatchObject({
      detail: expect.stringContaining('not said'),
    });
    for (const other of [{ key_id: 'key_b' }, { key_id: null }, { endpoint: '/y' }, { type: 'failed' }])
      expect(measure(failed, event({ ...fits, ...other }))).toMatchObject({ counted: false });
  });

  test.each([
    [12, '12'],
    [-2.5, '-2.5'],
    [0.1, '0.1'],
    [1e-7, '0.0000001'],
    ['0.30', '0.30'],
    ['1e3', null],
    [1e15, null],
    [1e-13, null],
    [true, null],
    ['', null],
    [undefined, null],
  ])('a value is taken as it is written: %s', (value, amount) => {
    const bytes: Meter = { ...calls, aggregation: 'sum', value: 'bytes' };
    const properties = value === undefined ? {} : { bytes: value };
    expect(measure(bytes, event({ properties }))).toMatchObject(
      amount === null ? { counted: false, reason: 'no_value' } : { counted: true, amount },
    );
  });

  test('is kept by the dimensions it names, and by key and endpoint always', () => {
    const meter: Meter = { ...calls, group_by: ['region', 'status'] };
    expect(dimensionsOf(meter)).toEqual(['key_id', 'endpoint', 'region', 'status']);
    expect(keptDimensions(meter, event({ properties: { region: 'eu', other: 1 } }))).toEqual({ region: 'eu' });
  });
});

describe('what a meter comes to', () => {
  const of = (aggregation: Meter['aggregation'], values: (number | string)[]) => {
    const meter: Meter = { ...calls, aggregation, ...(aggregation === 'count' ? {} : { value: 'v' }) };
    return foldMeter(
      meter,
      values.map((v, at) => ({ ...event({ occurred_at: at, properties: { v } }), id: `e${at}` })),
    );
  };

  test('by each aggregation', () => {
    const values = [3, -1, 3, '0.5'];
    expect(of('count', values)).toBe('4');
    expect(of('sum', values)).toBe('5.5');
    expect(of('max', values)).toBe('3');
    expect(of('last', values)).toBe('0.5');
    expect(of('unique', values)).toBe('3');
    expect(of('average', values)).toBe('1.375');
    for (const aggregation of ['count', 'sum', 'max', 'last', 'unique', 'average'] as const)
      expect(of(aggregation, [])).toBe('0');
  });

  test('a sum is exact and keeps its sign, and does not depend on the order', () => {
    const tenths = fc.array(fc.integer({ min: -100_000, max: 100_000 }), { maxLength: 50 });
    fc.assert(
      fc.property(tenths, (values) => {
        const written = values.map((value) => value / 10);
        const total = values.reduce((sum, value) => sum + value, 0);
        expect(of('sum', written)).toBe(String(total / 10));
        expect(of('sum', written.toReversed())).toBe(of('sum', written));
      }),
    );
  });
});

test('whole units are billed, the nearest, and never less than none', () => {
  expect(['0', '2', '2.4', '2.5', '2.999', '-300', '-0.5'].map(billedUnits)).toEqual([0, 2, 2, 3, 3, 0, 0]);
  expect(() => billedUnits('99999999999999999')).toThrow(RangeError);
  expect(() => billedUnits('x')).toThrow(RangeError);
});

test('meters of two lists are compared one by one', () => {
  const filtered: Meter = {
    ...calls,
    aggregation: 'sum',
    value: 'v',
    filters: { status: ['200'] },
    group_by: ['region'],
  };
  const gone: Meter = { ...calls, id: 'gone' };
  const young: Meter = { ...calls, id: 'young' };
  const changes = diffMeters([calls, gone], [filtered, young]);
  expect(changes.map(({ meter_id, type }) => [meter_id, type])).toEqual([
    ['calls', 'changed'],
    ['young', 'new'],
    ['gone', 'removed'],
  ]);
  expect(changes[0]?.differences).toEqual([
    { path: 'aggregation', before: 'count', after: 'sum' },
    { path: 'value', before: null, after: 'v' },
    { path: 'filters.status', before: null, after: '200' },
    { path: 'group_by', before: null, after: 'region' },
  ]);
  expect(diffMeters([calls], [{ ...calls, events: ['calls'] }])).toMatchObject([
    { type: 'unchanged', differences: [] },
  ]);
});
