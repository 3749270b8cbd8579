import { type Currency, type Interval, findPrice } from '@farebox/core';
import type { PlanVersion, StoredPrice } from '../plans/store.ts';
import type { PaymentsDesk } from '../ports.ts';
import { Problem } from '../problem.ts';

/** What somebody wants to buy. What they do not say is the plan's first: its list's currency, its shortest interval. */
export interface Wish {
  plan_id: string;
  interval?: Interval | undefined;
  currency?: Currency | undefined;
  seats?: number | undefined;
  /** What the customer typed, or the seller gives. */
  promotion_code?: string | undefined;
}

/** The group a plan is bought in. */
export function groupOf({ content }: Pick<PlanVersion, 'content'>): string {
  if (content.group !== null) return content.group;
  throw new Problem('invalid_request', 'plan_id: An add-on comes on top of a plan; subscribe to one first.', {
    param: 'plan_id',
  });
}

/** The price somebody asks for, or a refusal that says at which ones the plan is sold. */
export function priceOf(version: PlanVersion, wish: Wish): StoredPrice {
  const asked = findPrice(version.content, wish);
  const stored = version.prices.find(
    (price) => price.currency === asked?.currency && price.interval === asked.interval,
  );
  if (stored !== undefined) return stored;
  const sold = version.content.prices.map((price) => `${price.currency} by the ${price.interval}`).join(', ');
  const param = version.content.prices.some((price) => price.currency === (wish.currency ?? price.currency))
    ? 'interval'
    : 'currency';
  throw new Problem('price_not_found', `The plan "${version.plan_id}" is sold in: ${sold}.`, { param });
}

/** How many are bought: seats where the plan is sold by the seat, else one. */
export function seatsOf(version: PlanVersion, wish: Wish): number {
  const { seats } = version.content;
  if (seats === null) {
    if (wish.seats === undefined || wish.seats === 1) return 1;
    throw new Problem('invalid_request', `seats: The plan "${version.plan_id}" is not sold by the seat.`, {
      param: 'seats',
    });
  }
  const quantity = wish.seats ?? seats.minimum;
  if (quantity >= seats.minimum && quantity <= (seats.maximum ?? quantity)) return quantity;
  const most = seats.maximum === null ? '' : ` and at most ${seats.maximum}`;
  throw new Problem('invalid_request', `seats: At least ${seats.minimum}${most} for "${version.plan_id}".`, {
    param: 'seats',
  });
}

/** What a code stands for at Stripe. One that cannot be used is refused, naming the field it came in. */
export async function promotionCodeOf(
  desk: Pick<PaymentsDesk, 'findPromotionCode'>,
  code: string,
  param: 'code' | 'promotion_code',
): Promise<{ stripe_promotion_code_id: string }> {
  const found = await desk.findPromotionCode(code);
  if (found !== null) return found;
  throw new Problem('coupon_invalid', `The code ${JSON.stringify(code)} does not exist or is over.`, { param });
}

/** The reduction that comes with a purchase; null without a code. */
export async function reductionOf(
  desk: Pick<PaymentsDesk, 'findPromotionCode'>,
  { promotion_code }: Wish,
): Promise<string | null> {
  if (promotion_code === undefined) return null;
  return (await promotionCodeOf(desk, promotion_code, 'promotion_code')).stripe_promotion_code_id;
}
