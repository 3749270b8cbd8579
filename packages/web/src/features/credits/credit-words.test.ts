import { expect, test } from 'vitest';
import { balanceWords, spanWords } from './credit-words.ts';

const balance = { currency: 'usd', balance_minor: 900, available_minor: 400, held_minor: 0, grants: 1 } as const;

test('a balance says what of it is used already and what ends', () => {
  expect(balanceWords({ ...balance, running_minor: 500, expires_next: null })).toBe(
    '$5.00 of it pays for usage so far.',
  );
  const expires_next = { at: '2026-03-01T00:00:00Z', amount_minor: 100 };
  expect(balanceWords({ ...balance, running_minor: 0, expires_next })).toBe('$1.00 expires on 1 Mar 2026.');
  expect(balanceWords({ ...balance, running_minor: 0, expires_next: null })).toBe('');
  expect(balanceWords({ ...balance, running_minor: 0, held_minor: 250, expires_next: null })).toBe(
    '$2.50 more is held for work that goes on.',
  );
});

test('a grant says when it counts', () => {
  const grant = {
    id: 'cgrt_1',
    name: 'Launch',
    state: 'active',
    amount_minor: 100,
    remaining_minor: 100,
    currency: 'usd',
    category: 'paid',
    priority: 50,
    meters: null,
    effective_at: '2026-02-01T00:00:00Z',
    expires_at: '2026-03-01T00:00:00Z',
    voided_at: null,
    created_at: '2026-01-01T00:00:00Z',
  } as const;
  expect(spanWords(grant)).toBe('until 1 Mar 2026');
  expect(spanWords({ ...grant, state: 'scheduled', expires_at: null })).toBe('from 1 Feb 2026');
});
