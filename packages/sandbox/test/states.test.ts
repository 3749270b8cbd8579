import { expect, test } from 'vitest';
import { canMove, invoiceMoved, invoiceMoves, moved, subscriptionMoves } from '../src/billing/states.ts';
import type { InvoiceStatus, SubscriptionStatus } from '../src/store/records.ts';

test('a trigger leads from one status to one other, whatever row is read', () => {
  for (const move of subscriptionMoves) for (const from of move.from) expect(moved(from, move.by)).toBe(move.to);
  for (const move of invoiceMoves) for (const from of move.from) expect(invoiceMoved(from, move.by)).toBe(move.to);
});

test('no row leads out of what is final', () => {
  const ends: SubscriptionStatus[] = ['canceled', 'incomplete_expired'];
  expect(subscriptionMoves.filter((move) => move.from.some((from) => ends.includes(from)))).toEqual([]);
  const settled: InvoiceStatus[] = ['paid', 'void'];
  expect(invoiceMoves.filter((move) => move.from.some((from) => settled.includes(from)))).toEqual([]);
});

test('every status can be reached from the birth of a subscription', () => {
  const reached = new Set<SubscriptionStatus>(['incomplete']);
  for (let grown = true; grown;) {
    const next = subscriptionMoves.filter(
      (move) => !reached.has(move.to) && move.from.some((from) => reached.has(from)),
    );
    for (const move of next) reached.add(move.to);
    grown = next.length > 0;
  }
  const all = ['active', 'canceled', 'incomplete', 'incomplete_expired', 'past_due', 'paused', 'trialing', 'unpaid'];
  expect([...reached].toSorted()).toEqual(all);
});

test('a way that no row allows is a fault, not a status', () => {
  expect(() => moved('canceled', 'resume')).toThrow('canceled cannot be moved by resume');
  expect(() => invoiceMoved('draft', 'pay')).toThrow('draft cannot be moved by pay');
  expect(canMove('trialing', 'pause')).toBe(false);
});
