import { type Instant, decideCancel, decidePause, decideResume, decideTrial, decideUnpause } from '@farebox/core';
import type { CancelReason } from '../../intents/kinds.ts';
import { requirePaid } from '../../intents/orders.ts';
import type { PaymentsDesk } from '../../ports.ts';
import { Problem } from '../../problem.ts';
import { promotionCodeOf } from '../choose.ts';
import { type Held, type Turns, type Wisher, refused } from './turns.ts';

export interface CancelWish {
  at: 'now' | 'period_end';
  reason: CancelReason | null;
  comment: string | null;
  /** What is paid for and unused becomes balance; the seller's to give. */
  gives_back: boolean;
}

/** The other verbs of a subscription's life: end it, keep it, pause it, go on, its trial, a coupon. */
export function createVerbs(deps: { turns: Turns; desk: Pick<PaymentsDesk, 'findPromotionCode'> }) {
  const { turns, desk } = deps;
  const of = (held: Held) => ({ stripe_subscription_id: held.row.stripe_subscription_id });

  return {
    async cancel(wisher: Wisher, id: string, wish: CancelWish): Promise<void> {
      if (wish.gives_back && wisher.by === 'customer')
        throw new Problem('forbidden', 'What was paid is given back by the seller only.', { param: 'gives_back' });
      await turns.take(wisher, id, async (held) => {
        const decision = decideCancel(held.facts, wish.at, held.now);
        if (decision.effect === 'refuse') throw refused(decision);
        const at = decision.effect === 'cancel_now' ? 'now' : 'period_end';
        const { reason, comment, gives_back } = wish;
        const data = { ...of(held), at, reason, comment, gives_back } as const;
        await turns.carryOut(wisher, held, { kind: 'subscription.cancel', action: 'subscription.canceled', data });
      });
    },

    async resume(wisher: Wisher, id: string): Promise<void> {
      await turns.take(wisher, id, async (held) => {
        const decision = decideResume(held.facts, held.now);
        if (decision.effect === 'refuse') throw refused(decision);
        await turns.carryOut(wisher, held, {
          kind: 'subscription.keep',
          action: 'subscription.cancel_undone',
          data: of(held),
        });
      });
    },

    async pause(wisher: Wisher, id: string): Promise<void> {
      await turns.take(wisher, id, async (held) => {
        const decision = decidePause(held.facts, held.now);
        if (decision.effect === 'refuse') throw refused(decision);
        await turns.carryOut(wisher, held, {
          kind: 'subscription.pause',
          action: 'subscription.paused',
          data: of(held),
        });
      });
    },

    async unpause(wisher: Wisher, id: string): Promise<void> {
      await turns.take(wisher, id, async (held) => {
        const decision = decideUnpause(held.facts, held.now);
        if (decision.effect === 'refuse') throw refused(decision);
        const intent = { kind: 'subscription.unpause', action: 'subscription.unpaused', data: of(held) } as const;
        requirePaid(await turns.carryOut(wisher, held, intent));
      });
    },

    /** A customer may end its trial to begin paying; making it longer is the seller's. */
    async setTrial(wisher: Wisher, id: string, end: Instant | 'now'): Promise<void> {
      if (end !== 'now' && wisher.by === 'customer')
        throw new Problem('forbidden', 'A trial is made longer by the seller only.', { param: 'end_at' });
      await turns.take(wisher, id, async (held) => {
        const decision = decideTrial(held.facts, { end }, held.now);
        if (decision.effect === 'refuse') throw refused(decision);
        const data = { ...of(held), end_at: decision.end_at };
        await turns.carryOut(wisher, held, { kind: 'subscription.trial', action: 'subscription.trial_changed', data });
      });
    },

    async redeem(wisher: Wisher, id: string, code: string): Promise<void> {
      await turns.take(wisher, id, async (held) => {
        if (held.facts.ended_at !== null)
          throw new Problem('subscription_ended', 'The subscription has ended. Use the code with a new one.');
        const found = await promotionCodeOf(desk, code, 'code');
        if (held.row.discounts.some((discount) => discount.stripe_promotion_code_id === found.stripe_promotion_code_id))
          throw new Problem('coupon_invalid', 'This code is in use on the subscription already.', { param: 'code' });
        const data = { ...of(held), ...found };
        await turns.carryOut(wisher, held, { kind: 'subscription.coupon', action: 'subscription.coupon_added', data });
      });
    },
  };
}
