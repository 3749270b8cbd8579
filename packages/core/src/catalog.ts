import type { Coupon, Plan, PriceList } from './plan.ts';

/** One step that brings the stored catalogue to the price list. `unchanged` is said too, so that every plan has an answer. */
export type CatalogChange =
  | { type: 'publish_version'; plan: Plan; before: Plan | null; version: number; content_hash: string }
  /** As it was when it left the list. */
  | { type: 'restore_version'; plan: Plan; version: number }
  | { type: 'archive_plan'; plan: Plan; version: number }
  | { type: 'unchanged'; plan: Plan; version: number };

/** The newest version that a price list gave a plan. */
export interface StoredPlan {
  plan_id: string;
  version: number;
  /** The highest number of any version, also of those that no list gave it. */
  last_version: number;
  content: Plan;
  on_sale: boolean;
}

/**
 * Compares the newest version of every stored plan with a price list. A plan whose content differs gets the next version
 * number, a new one gets 1, one that comes back as it was is restored, one that is no longer listed is archived. Plans of the
 * list come first, in its order.
 */
export function diffCatalog(current: readonly StoredPlan[], list: Pick<PriceList, 'plans'>): CatalogChange[] {
  const stored = new Map(current.map((version) => [version.plan_id, version]));
  const listed = new Set(list.plans.map((plan) => plan.id));
  const changes = list.plans.map((plan): CatalogChange => {
    const content_hash = planHash(plan);
    const known = stored.get(plan.id);
    if (known === undefined || planHash(known.content) !== content_hash) {
      const version = (known?.last_version ?? 0) + 1;
      return { type: 'publish_version', plan, before: known?.content ?? null, version, content_hash };
    }
    return { type: known.on_sale ? 'unchanged' : 'restore_version', plan, version: known.version };
  });
  const gone = current.filter((version) => version.on_sale && !listed.has(version.plan_id));
  return [
    ...changes,
    ...gone.map(({ content, version }): CatalogChange => ({ type: 'archive_plan', plan: content, version })),
  ];
}

export type CouponChange =
  | { type: 'publish_coupon'; coupon: Coupon; version: number; content_hash: string }
  | { type: 'archive_coupon'; coupon: Coupon }
  | { type: 'unchanged'; coupon: Coupon };

/** The newest version of a coupon that ever was. */
export interface StoredCoupon {
  version: number;
  content: Coupon;
  current: boolean;
}

/** The same for coupons. One that comes back is a new version: its codes were switched off. */
export function diffCoupons(current: readonly StoredCoupon[], coupons: readonly Coupon[]): CouponChange[] {
  const stored = new Map(current.map((version) => [version.content.id, version]));
  const changes = coupons.map((coupon): CouponChange => {
    const content_hash = planHash(coupon);
    const known = stored.get(coupon.id);
    if (known !== undefined && known.current && planHash(known.content) === content_hash)
      return { type: 'unchanged', coupon };
    return { type: 'publish_coupon', coupon, version: (known?.version ?? 0) + 1, content_hash };
  });
  const gone = current.filter(({ content, current: stands }) => stands && !coupons.some(({ id }) => id === content.id));
  return [...changes, ...gone.map(({ content }): CouponChange => ({ type: 'archive_coupon', coupon: content }))];
}

/**
 * A 128-bit fingerprint of a plan's or a coupon's content, 32 hexadecimal digits: equal content gives an equal hash whatever the order of
 * an object's fields; the order of an array counts. It detects a change; it does not defend against a forger.
 */
export function planHash(content: Plan | Coupon): string {
  const text = canonicalJson(content);
  return fnv1a(text, 0xcbf29ce484222325n) + fnv1a(text, 0x9ae16a3b2f90404fn);
}

function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const fields = Object.entries(value).filter(([, field]) => field !== undefined);
  fields.sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${fields.map(([name, field]) => `${JSON.stringify(name)}:${canonicalJson(field)}`).join(',')}}`;
}

/** FNV-1a over UTF-16 code units, low byte first (http://www.isthe.com/chongo/tech/comp/fnv/), from the given basis. */
function fnv1a(text: string, basis: bigint): string {
  let hash = basis;
  for (let index = 0; index < text.length; index++) {
    const unit = text.charCodeAt(index);
    hash = BigInt.asUintN(64, (hash ^ BigInt(unit & 0xff)) * 0x100000001b3n);
    hash = BigInt.asUintN(64, (hash ^ BigInt(unit >> 8)) * 0x100000001b3n);
  }
  return hash.toString(16).padStart(16, '0');
}
