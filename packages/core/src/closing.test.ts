import { expect, test } from 'vitest';
import { type ClosingFacts, closingFaults } from './closing.ts';

const whole: ClosingFacts = {
  currency: 'usd',
  counter: 120,
  events: 120,
  events_at_close: 120,
  rolled_up: 120,
  quantity: 120,
  is_corrected: false,
  rated_minor: 500,
  due_minor: 500,
  lines_minor: 500,
  amount_minor: 400,
  capped_minor: 100,
  shortfall_minor: 0,
  meter_hours: [],
  invoiced_minimum_minor: 0,
  credited_minor: 50,
  adjusted_minor: 0,
  adjusted_line_minor: 0,
  is_sent: true,
  is_late: true,
  invoiced_minor: 400,
  invoiced_credit_minor: -50,
  invoiced_corrections_minor: 0,
};

test.each<[string, Partial<ClosingFacts>]>([
  ['all of it agrees', {}],
  ['events are not kept any more', { events: null, events_at_close: null }],
  ['history was taken over later', { events: 150, rolled_up: 150 }],
  [
    'it was put right, and the difference billed',
    {
      is_corrected: true,
      events: 90,
      events_at_close: 90,
      rolled_up: 90,
      due_minor: 300,
      adjusted_minor: -100,
      adjusted_line_minor: -100,
      invoiced_corrections_minor: -100,
    },
  ],
  ['it waits for its invoice, not for long', { is_sent: false, is_late: false, invoiced_minor: 0 }],
  ['its prices were not kept', { rated_minor: null, due_minor: null }],
])('it balances: %s', (_name, changes) => {
  expect(closingFaults({ ...whole, ...changes })).toEqual([]);
});

test('a counter knows only what went through the gate, and is not turned back by corrections', () => {
  for (const changes of [{ counter: 3 }, { counter: null }, { counter: 150, is_corrected: true, due_minor: null }])
    expect(closingFaults({ ...whole, ...changes })).toEqual([]);
});

test.each<[string, Partial<ClosingFacts>, string[]]>([
  ['the gate counted more than is stored', { counter: 121 }, ['counter_and_hours_differ']],
  ['an event is lost', { events: 119, events_at_close: 119 }, ['events_and_hours_differ']],
  ['an hour is wrong', { rolled_up: 121 }, ['events_and_hours_differ']],
  ['another quantity was billed', { quantity: 121 }, ['usage_and_bill_differ']],
  ['it was priced wrongly', { rated_minor: 501 }, ['price_differs']],
  ['the lines do not sum', { lines_minor: 499 }, ['price_differs']],
  ['put right and not billed', { is_corrected: true, due_minor: 300 }, ['price_differs']],
  ['it was never sent', { is_sent: false, invoiced_minor: 0 }, ['not_sent']],
  ['a line is missing', { invoiced_minor: 0 }, ['invoice_differs']],
  ['a line is there twice', { invoiced_minor: 800 }, ['invoice_differs']],
  ['credit was taken twice', { invoiced_credit_minor: -100 }, ['invoice_differs']],
  [
    'a correction is missing',
    { is_corrected: true, due_minor: 300, adjusted_minor: -100, adjusted_line_minor: -100 },
    ['invoice_differs'],
  ],
])('it says where not: %s', (_name, changes, codes) => {
  const faults = closingFaults({ ...whole, ...changes });
  expect(faults.map(({ code }) => code)).toEqual(codes);
  expect(faults.every(({ detail }) => detail.endsWith('.'))).toBe(true);
});
