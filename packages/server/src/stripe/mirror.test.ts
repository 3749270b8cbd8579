import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isBackward } from '../invoices/mirror.ts';
import { chooseBase } from '../subscriptions/mirror.ts';

describe('which of several subscriptions entitles', () => {
  const subscription = fc.record({
    stripe_subscription_id: fc.uuid(),
    status: fc.constantFrom(
      'active',
      'trialing',
      'past_due',
      'unpaid',
      'paused',
      'incomplete',
      'incomplete_expired',
      'canceled',
    ),
    stripe_created_at: fc.date({ min: new Date('2026-01-01'), max: new Date('2026-12-31'), noInvalidDate: true }),
  });
  const several = fc.uniqueArray(subscription, { selector: (one) => one.stripe_subscription_id, maxLength: 6 });

  test('the choice does not depend on the order they are read in, and every live one is chosen or a duplicate', () => {
    fc.assert(
      fc.property(several, fc.infiniteStream(fc.nat()), (seen, order) => {
        const shuffled = seen
          .map((one) => ({ one, at: order.next().value }))
          .toSorted((a, b) => a.at - b.at)
          .map(({ one }) => one);
        const choice = chooseBase(seen);
        expect(chooseBase(shuffled)).toEqual(choice);
        const live = seen
          .filter((one) => !['canceled', 'incomplete_expired'].includes(one.status))
          .map((one) => one.stripe_subscription_id);
        expect([choice.base, ...choice.duplicates].filter((id) => id !== null).toSorted()).toEqual(live.toSorted());
      }),
    );
  });

  test('a paid one goes before an incomplete one, however old; then the oldest', () => {
    const at = (day: number) => new Date(Date.UTC(2026, 0, day));
    const seen = [
      { stripe_subscription_id: 'sub_waiting', status: 'incomplete', stripe_created_at: at(1) },
      { stripe_subscription_id: 'sub_second', status: 'active', stripe_created_at: at(3) },
      { stripe_subscription_id: 'sub_first', status: 'past_due', stripe_created_at: at(2) },
      { stripe_subscription_id: 'sub_gone', status: 'canceled', stripe_created_at: at(1) },
    ];
    expect(chooseBase(seen)).toEqual({ base: 'sub_first', duplicates: ['sub_second', 'sub_waiting'] });
  });
});

test('a paid invoice stays paid, whatever an older read says', () => {
  for (const to of ['draft', 'open', 'uncollectible']) expect(isBackward('paid', to)).toBe(true);
  for (const [from, to] of [
    ['draft', 'open'],
    ['open', 'paid'],
    ['open', 'void'],
    ['uncollectible', 'paid'],
    ['paid', 'paid'],
  ] as const)
    expect(isBackward(from, to)).toBe(false);
});
