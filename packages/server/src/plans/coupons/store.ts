import type { Coupon, StoredCoupon } from '@farebox/core';
import { sql } from 'kysely';
import type { Reader } from '../../db/database.ts';

/** One frozen content of a coupon, with its codes. */
export interface CouponVersion {
  id: string;
  coupon_id: string;
  version: number;
  content: Coupon;
  stripe_coupon_id: string | null;
  archived_at: Date | null;
  codes: { code: string; stripe_promotion_code_id: string | null; ended: boolean }[];
}

/** The newest version of every coupon that ever was. */
export async function newestCoupons(db: Reader): Promise<StoredCoupon[]> {
  const rows = await coupons(db).distinctOn('coupon_id').orderBy('coupon_id').orderBy('version', 'desc').execute();
  return rows.map(({ version, content, archived_at }) => ({ version, content, current: archived_at === null }));
}

export async function insertCoupon(
  db: Reader,
  row: { id: string; version: number; content: Coupon; content_hash: string; published_at: Date },
): Promise<void> {
  const { content } = row;
  await db
    .insertInto('coupon_version')
    .values({ ...row, coupon_id: content.id, content: JSON.stringify(content) })
    .execute();
  if (content.codes.length === 0) return;
  const codes = content.codes.map(({ code }) => ({ coupon_version_id: row.id, code }));
  await db.insertInto('promotion_code').values(codes).execute();
}

export async function archiveCoupon(db: Reader, couponId: string, at: Date): Promise<void> {
  await db
    .updateTable('coupon_version')
    .set({ archived_at: at })
    .where('coupon_id', '=', couponId)
    .where('archived_at', 'is', null)
    .execute();
}

/** Whether there is a code that somebody can type. */
export async function hasCodes(db: Reader): Promise<boolean> {
  const row = await db
    .selectFrom('promotion_code')
    .innerJoin('coupon_version', 'coupon_version.id', 'promotion_code.coupon_version_id')
    .select('code')
    .where('archived_at', 'is', null)
    .where('stripe_promotion_code_id', 'is not', null)
    .limit(1)
    .executeTakeFirst();
  return row !== undefined;
}

/** What is not at Stripe as it stands here: archived ones with a code that still works first, then new ones. */
export async function unpushedCoupons(db: Reader): Promise<CouponVersion[]> {
  const rows = await coupons(db).orderBy('archived_at').orderBy('coupon_id').execute();
  return rows.filter((row) =>
    row.archived_at === null
      ? row.stripe_coupon_id === null || row.codes.some((code) => code.stripe_promotion_code_id === null)
      : row.codes.some((code) => code.stripe_promotion_code_id !== null && !code.ended),
  );
}

export async function markCouponPushed(db: Reader, id: string, stripe_coupon_id: string): Promise<void> {
  await db.updateTable('coupon_version').set({ stripe_coupon_id }).where('id', '=', id).execute();
}

export async function markCodePushed(
  db: Reader,
  of: { coupon_version_id: string; code: string },
  stripe: { stripe_promotion_code_id?: string; ended_at?: Date },
): Promise<void> {
  await db
    .updateTable('promotion_code')
    .set(stripe)
    .where('coupon_version_id', '=', of.coupon_version_id)
    .where('code', '=', of.code)
    .execute();
}

/** Content is written by insertCoupon only, from a checked list. */
function coupons(db: Reader) {
  return db
    .selectFrom('coupon_version')
    .select(['id', 'coupon_id', 'version', 'stripe_coupon_id', 'archived_at'])
    .select(sql<Coupon>`content`.as('content'))
    .select(
      sql<CouponVersion['codes']>`(
        select coalesce(json_agg(json_build_object(
          'code', code, 'stripe_promotion_code_id', stripe_promotion_code_id, 'ended', ended_at is not null
        ) order by code), '[]')
        from promotion_code where promotion_code.coupon_version_id = coupon_version.id
      )`.as('codes'),
    );
}
