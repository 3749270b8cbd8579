import type { Plan } from '@farebox/core';
import { sql } from 'kysely';
import type { Reader } from '../db/database.ts';

/** One frozen content of a plan. */
export interface PlanVersion {
  id: string;
  plan_id: string;
  version: number;
  content: Plan;
  content_hash: string;
  stripe_product_id: string | null;
  stripe_price_id: string | null;
  archived_at: Date | null;
}

/** The versions on sale, one per plan. */
export async function currentVersions(db: Reader): Promise<PlanVersion[]> {
  return await versions(db).where('archived_at', 'is', null).execute();
}

/** The newest version of every plan that ever was, on sale or not: a plan that returns goes on counting. */
export async function newestVersions(db: Reader): Promise<PlanVersion[]> {
  return await versions(db).distinctOn('plan_id').orderBy('plan_id').orderBy('version', 'desc').execute();
}

export async function versionById(db: Reader, id: string): Promise<PlanVersion | null> {
  return (await versions(db).where('id', '=', id).executeTakeFirst()) ?? null;
}

export async function versionByStripePrice(db: Reader, stripePriceId: string): Promise<PlanVersion | null> {
  return (await versions(db).where('stripe_price_id', '=', stripePriceId).executeTakeFirst()) ?? null;
}

export async function insertVersion(
  db: Reader,
  version: { id: string; plan_id: string; version: number; content: Plan; content_hash: string; published_at: Date },
): Promise<void> {
  await db
    .insertInto('plan_version')
    .values({ ...version, content: JSON.stringify(version.content) })
    .execute();
}

export async function archiveVersion(db: Reader, planId: string, at: Date): Promise<void> {
  await db
    .updateTable('plan_version')
    .set({ archived_at: at })
    .where('plan_id', '=', planId)
    .where('archived_at', 'is', null)
    .execute();
}

export async function restoreVersion(db: Reader, id: string): Promise<void> {
  await db.updateTable('plan_version').set({ archived_at: null }).where('id', '=', id).execute();
}

export async function unpushedVersions(db: Reader): Promise<PlanVersion[]> {
  return await versions(db).where('archived_at', 'is', null).where('stripe_price_id', 'is', null).execute();
}

export async function markPushed(
  db: Reader,
  id: string,
  stripe: { stripe_product_id: string; stripe_price_id: string },
): Promise<void> {
  await db.updateTable('plan_version').set(stripe).where('id', '=', id).execute();
}

/** Content is written by insertVersion only, from a checked Plan; that is what lets it be read as one. */
function versions(db: Reader) {
  return db
    .selectFrom('plan_version')
    .select(['id', 'plan_id', 'version', 'content_hash', 'stripe_product_id', 'stripe_price_id', 'archived_at'])
    .select(sql<Plan>`content`.as('content'));
}
