import { type Currency, type Interval, addOnMisfit, addOnQuantityFault, findPrice } from '@farebox/core';
import type { PlanVersion, StoredPrice } from '../plans/store.ts';
import type { PaymentsDesk } from '../ports.ts';
import { Problem } from '../problem.ts';
import type { HeldAddOn } from './life/turns.ts';

/** What somebody wants to buy. What they do not say is the plan's first: its list's currency, its shortest interval. */
export interface Wish {
  plan_id: string;
  interval?: Interval | undefined;
  currency?: Currency | undefined;
  seats?: number | undefined;
  /** What the customer typed, or the seller gives. */
  promotion_code?: string | undefined;
  /** What comes on top from the start; of each as many as it is sold at least, unless said. */
  add_ons?: { plan_id: string; quantity?: number | undefined }[] | undefined;
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

/** What is bought on top of a plan, by plan id, in its currency and interval. What does not go with it is refused, by its name. */
export async function addOnsOf(
  base: { version: PlanVersion; price: StoredPrice },
  wish: Wish,
  onSale: (planId: string) => Promise<PlanVersion>,
): Promise<HeldAddOn[]> {
  const bought: HeldAddOn[] = [];
  for (const { plan_id, quantity: asked } of wish.add_ons ?? []) {
    const version = await onSale(plan_id);
    const { content } = version;
    const { currency, interval } = base.price;
    const misfit = addOnMisfit(content, { plan_id: base.version.plan_id, currency, interval });
    if (misfit !== null) throw new Problem('add_on_not_available', misfit, { param: 'add_ons' });
    const quantity = asked ?? content.seats?.minimum ?? 1;
    const isAgain = bought.some((other) => other.version.plan_id === plan_id);
    const fault = isAgain ? 'Name it once, with a quantity.' : addOnQuantityFault(content, quantity);
    if (fault !== null) throw new Problem('invalid_request', `add_ons: "${plan_id}": ${fault}`, { param: 'add_ons' });
    bought.push({ version, price: priceOf(version, { plan_id, currency, interval }), quantity });
  }
  return bought.toSorted((a, b) => (a.version.plan_id < b.version.plan_id ? -1 : 1));
}

/** What add-ons cost once as they begin, at Stripe: of each its setup fee, however many of it there are. */
export function setupFeesOf(beginning: readonly Pick<HeldAddOn, 'version' | 'price'>[]): string[] {
  return beginning.flatMap(({ version, price }) => {
    if (price.setup_fee_minor === 0) return [];
    if (price.stripe_setup_price_id === null) throw notPushed(version);
    return [price.stripe_setup_price_id];
  });
}

/** What Stripe calls it; refused while it has not heard of it. */
export function stripePriceOf({ version, price }: { version: PlanVersion; price: StoredPrice }): string {
  if (price.stripe_price_id !== null) return price.stripe_price_id;
  throw notPushed(version);
}

function notPushed(version: PlanVersion): Problem {
  return new Problem(
    'plan_not_pushed',
    `The plan "${version.plan_id}" has not reached Stripe yet. Try again in a moment.`,
    { param: version.content.group === null ? 'add_ons' : 'plan_id' },
  );
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
