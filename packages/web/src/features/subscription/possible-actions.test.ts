import { expect, test } from 'vitest';
import { possibleActions } from './possible-actions.ts';

const at = '2027-01-03T00:00:00.000Z';
const scheduled = {
  plan_id: 'starter',
  plan_name: 'Starter',
  price: { amount_minor: 9900, currency: 'usd', interval: 'month' as const },
  quantity: 1,
  add_ons: [],
  at,
};

test.each([
  ['active', null, null, { can_change: true, can_cancel: true, verbs: ['pause'] }],
  ['active', at, null, { can_change: false, can_cancel: false, verbs: ['resume'] }],
  ['active', null, scheduled, { can_change: true, can_cancel: true, verbs: ['undo', 'pause'] }],
  ['trialing', null, null, { can_change: true, can_cancel: true, verbs: [] }],
  ['paused', null, null, { can_change: false, can_cancel: true, verbs: ['unpause'] }],
  ['past_due', null, null, { can_change: false, can_cancel: true, verbs: [] }],
  ['incomplete_expired', null, null, { can_change: false, can_cancel: false, verbs: [] }],
])('%s, ending %s: what the server would do is offered', (status, cancel_at, scheduled_change, actions) => {
  expect(possibleActions({ status, cancel_at, scheduled_change })).toEqual(actions);
});
