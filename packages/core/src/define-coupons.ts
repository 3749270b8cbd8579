import { Amounts } from './define-price.ts';
import { type Fields, join, namesOf } from './fields.ts';
import type { Coupon, Currency, PromotionCode } from './plan.ts';

interface CouponContext {
  fields: Fields;
  currency: Currency | null;
  plans: Set<string>;
}

/** Stripe's bounds: https://docs.stripe.com/api/promotion_codes/create */
const codeShape = /^[A-Z0-9-]{1,50}$/;
const percentShape = /^\d{1,3}(\.\d{1,2})?$/;

export function readCoupon(context: CouponContext, id: string, value: unknown): Coupon {
  const { fields, plans } = context;
  const path = join('coupons', id);
  const optional = ['percent_off', 'amount_off', 'plans', 'max_redemptions', 'redeem_until', 'codes'];
  const coupon = fields.object(value, path, ['name', 'duration'], optional);
  if ((coupon['percent_off'] === undefined) === (coupon['amount_off'] === undefined))
    fields.fault(path, 'has either a percent_off or an amount_off');
  const amounts = new Amounts(context);
  const off = amounts.whole(coupon['amount_off'], join(path, 'amount_off'));
  const plan_ids = fields.texts(coupon['plans'], join(path, 'plans'), 'plan ids');
  for (const [index, plan] of plan_ids.entries())
    if (!plans.has(plan))
      fields.fault(`${path}.plans[${index}]`, `there is no plan "${plan}"; ${namesOf(plans, 'plans')}`);
  return {
    id,
    name: fields.text(coupon['name'], join(path, 'name'), 40),
    percent_off_decimal: readPercent(fields, coupon['percent_off'], join(path, 'percent_off')),
    amounts_off: coupon['amount_off'] === undefined ? null : off,
    ...readDuration(fields, coupon['duration'], join(path, 'duration')),
    plans: plan_ids,
    max_redemptions: readMost(fields, coupon['max_redemptions'], join(path, 'max_redemptions')),
    redeem_until_on: readDay(fields, coupon['redeem_until'], join(path, 'redeem_until')),
    codes: fields
      .entries(coupon['codes'], join(path, 'codes'), {
        shape: codeShape,
        meaning: 'a code: A-Z, 0-9 and -, at most 50',
      })
      .map(([code, part]) => readCode(fields, code, part, join(path, `codes.${code}`))),
  };
}

function readCode(fields: Fields, code: string, value: unknown, path: string): PromotionCode {
  const conditions = fields.object(value, path, [], ['max_redemptions', 'expires', 'first_purchase']);
  return {
    code,
    max_redemptions: readMost(fields, conditions['max_redemptions'], join(path, 'max_redemptions')),
    expires_on: readDay(fields, conditions['expires'], join(path, 'expires')),
    first_purchase: fields.flag(conditions['first_purchase'], join(path, 'first_purchase')),
  };
}

function readPercent(fields: Fields, value: unknown, path: string): string | null {
  if (value === undefined) return null;
  const shaped = typeof value === 'string' && percentShape.test(value) ? value : null;
  const [whole = '', places = ''] = shaped?.split('.') ?? [];
  const hundredths = Number(whole + places.padEnd(2, '0'));
  if (shaped !== null && hundredths > 0 && hundredths <= 10_000) return shaped;
  fields.fault(path, "must be a percentage as text, more than 0 and at most 100, like '20' or '12.5'");
  return null;
}

function readDuration(fields: Fields, value: unknown, path: string): Pick<Coupon, 'duration' | 'months'> {
  if (typeof value === 'object' && value !== null) {
    const months = fields.integer(fields.object(value, path, ['months'])['months'], join(path, 'months'), 1);
    return { duration: 'repeating', months };
  }
  if (value !== undefined && value !== 'once' && value !== 'forever')
    fields.fault(path, "must be 'once', 'forever' or { months: 3 }");
  return { duration: value === 'forever' ? 'forever' : 'once', months: null };
}

function readMost(fields: Fields, value: unknown, path: string): number | null {
  return value === undefined ? null : fields.integer(value, path, 1);
}

function readDay(fields: Fields, value: unknown, path: string): string | null {
  if (value === undefined) return null;
  if (typeof value === 'string' && /^\d{4}-\d{2}-\d{2}$/.test(value)) {
    const at = new Date(`${value}T00:00:00Z`);
    // A day that the calendar does not have comes out as another one, or as none.
    if (!Number.isNaN(at.getTime()) && at.toISOString().startsWith(value)) return value;
  }
  fields.fault(path, "must be a day, like '2027-12-31'");
  return null;
}
