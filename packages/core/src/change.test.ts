import { describe, expect, test } from 'vitest';
import {
  type ChangeWish,
  type SubscriptionFacts,
  type Terms,
  decideCancel,
  decideChange,
  decidePause,
  decideResume,
  decideTrial,
  decideUnpause,
  directionOf,
} from './change.ts';

const now = Date.UTC(2026, 5, 13);
const end = Date.UTC(2026, 6, 1);

function termsOf(plan_id: string, amount_minor: number, more: Partial<Terms> = {}): Terms {
  return { plan_id, amount_minor, currency: 'usd', interval: 'month', quantity: 1, ...more };
}

const starter = termsOf('starter', 9900);
const pro = termsOf('pro', 49_900);
const annual = termsOf('pro_annual', 499_000, { interval: 'year' });

function facts(more: Partial<SubscriptionFacts> = {}): SubscriptionFacts {
  return {
    status: 'active',
    terms: pro,
    current_period_end_at: end,
    trial_end_at: null,
    cancel_at: null,
    ended_at: null,
    has_schedule: false,
    ...more,
  };
}

function change(state: Partial<SubscriptionFacts>, wish: Partial<ChangeWish>) {
  return decideChange(facts(state), { terms: pro, by: 'customer', ...wish }, now);
}

describe('decideChange', () => {
  test('an upgrade counts at once and keeps the anchor', () => {
    expect(change({ terms: starter }, { terms: pro })).toEqual({
      effect: 'change_now',
      direction: 'upgrade',
      resets_anchor: false,
      drops_schedule: false,
    });
  });

  test('a downgrade waits for the period’s end', () => {
    const later = { effect: 'change_at_period_end', direction: 'downgrade', at: end };
    expect(change({}, { terms: starter })).toEqual(later);
    expect(change({ terms: { ...pro, quantity: 3 } }, { terms: { ...pro, quantity: 2 } })).toEqual(later);
    expect(change({ terms: annual }, { terms: pro })).toEqual(later);
  });

  test('a customer cannot take money back for what it may have used; the seller may give it', () => {
    expect(change({}, { terms: starter, when: 'now' })).toMatchObject({ code: 'downgrade_at_period_end' });
    expect(change({}, { terms: starter, when: 'now', by: 'seller' })).toMatchObject({ effect: 'change_now' });
    expect(change({ status: 'trialing' }, { terms: starter, when: 'now' })).toMatchObject({ effect: 'change_now' });
  });

  test('a longer interval begins today, whatever a year costs', () => {
    expect(change({}, { terms: annual })).toMatchObject({ effect: 'change_now', resets_anchor: true });
    expect(change({ status: 'trialing' }, { terms: annual })).toMatchObject({ resets_anchor: false });
  });

  test('an upgrade now drops what was arranged for later', () => {
    expect(change({ terms: starter, has_schedule: true }, { terms: pro })).toMatchObject({ drops_schedule: true });
  });

  test('more of the same plan is an upgrade; the same of the same is nothing', () => {
    expect(change({}, { terms: { ...pro, quantity: 2 } })).toMatchObject({
      effect: 'change_now',
      direction: 'upgrade',
    });
    expect(change({}, {})).toMatchObject({ code: 'no_change' });
    expect(change({ has_schedule: true }, {})).toMatchObject({
      code: 'no_change',
      detail: expect.stringContaining('Undo'),
    });
  });

  test.each([
    ['incomplete', 'subscription_incomplete'],
    ['incomplete_expired', 'subscription_ended'],
    ['canceled', 'subscription_ended'],
    ['paused', 'subscription_paused'],
    ['past_due', 'payment_past_due'],
    ['unpaid', 'payment_past_due'],
  ])('%s is refused: %s', (status, code) => {
    expect(change({ status }, { terms: starter })).toMatchObject({ effect: 'refuse', code });
  });

  test('what is to end, has ended or is in other money is not changed', () => {
    expect(change({ cancel_at: end }, { terms: starter })).toMatchObject({ code: 'cancellation_scheduled' });
    expect(change({ ended_at: now }, { terms: starter })).toMatchObject({ code: 'subscription_ended' });
    expect(change({}, { terms: termsOf('pro_eur', 1, { currency: 'eur' }) })).toMatchObject({
      code: 'currency_mismatch',
    });
  });

  test('two plans of one price go neither way', () => {
    expect(directionOf(pro, termsOf('other', 49_900))).toBe('same');
  });
});

describe('the other verbs', () => {
  test('a cancellation waits for what is paid for; what is not paid for ends now', () => {
    expect(decideCancel(facts(), 'period_end', now)).toEqual({ effect: 'cancel_at_period_end', at: end });
    expect(decideCancel(facts(), 'now', now)).toEqual({ effect: 'cancel_now' });
    expect(decideCancel(facts({ cancel_at: end }), 'now', now)).toEqual({ effect: 'cancel_now' });
    for (const status of ['past_due', 'unpaid', 'paused', 'incomplete'])
      expect(decideCancel(facts({ status }), 'period_end', now)).toEqual({ effect: 'cancel_now' });
    expect(decideCancel(facts({ cancel_at: end }), 'period_end', now)).toMatchObject({ code: 'no_change' });
    expect(decideCancel(facts({ status: 'canceled' }), 'now', now)).toMatchObject({ code: 'subscription_ended' });
  });

  test('a cancellation can be taken back until it has happened', () => {
    expect(decideResume(facts({ cancel_at: end }), now)).toEqual({ effect: 'keep' });
    expect(decideResume(facts(), now)).toMatchObject({ code: 'not_canceling' });
    expect(decideResume(facts({ cancel_at: now, ended_at: now }), now)).toMatchObject({ code: 'subscription_ended' });
  });

  test('only what is paid for can be paused, and only what is paused can go on', () => {
    expect(decidePause(facts({ has_schedule: true }), now)).toEqual({ effect: 'pause', drops_schedule: true });
    expect(decidePause(facts({ status: 'past_due' }), now)).toMatchObject({ code: 'payment_past_due' });
    expect(decidePause(facts({ status: 'paused' }), now)).toMatchObject({ code: 'subscription_paused' });
    expect(decidePause(facts({ status: 'trialing' }), now)).toMatchObject({ code: 'trial_invalid' });
    expect(decidePause(facts({ cancel_at: end }), now)).toMatchObject({ code: 'cancellation_scheduled' });
    expect(decideUnpause(facts({ status: 'paused' }), now)).toEqual({ effect: 'unpause' });
    expect(decideUnpause(facts(), now)).toMatchObject({ code: 'subscription_not_paused' });
  });

  test('a trial ends now or later, and only while it runs', () => {
    const trialing = facts({ status: 'trialing', trial_end_at: end });
    expect(decideTrial(trialing, { end: 'now' }, now)).toEqual({ effect: 'set_trial', end_at: 'now' });
    expect(decideTrial(trialing, { end: end + 1 }, now)).toEqual({ effect: 'set_trial', end_at: end + 1 });
    expect(decideTrial(trialing, { end: now }, now)).toMatchObject({ code: 'trial_invalid' });
    expect(decideTrial(trialing, { end: now + 731 * 86_400_000 }, now)).toMatchObject({ code: 'trial_invalid' });
    expect(decideTrial(facts(), { end: 'now' }, now)).toMatchObject({ code: 'trial_invalid' });
  });
});
