import type Stripe from 'stripe';
import type { Database } from '../db/database.ts';
import { type PlanVersion, markPushed, unpushedVersions } from '../plans/store.ts';
import { ownMetadata } from './client.ts';

/**
 * Makes Stripe hold every plan version on sale: one product per plan, one price per version, found again by its lookup key.
 * Idempotent at any point of interruption. Answers what it made or found.
 */
export function createPush(deps: {
  db: Database;
  stripe: Stripe;
  installation_id: string;
  log: { info(fields: object, message: string): void };
}) {
  const { db, stripe, installation_id } = deps;

  return async function push(): Promise<string[]> {
    return await db.withLock('stripe:push', async () => {
      const done: string[] = [];
      for (const version of await unpushedVersions(db.kysely)) {
        const product = await ensureProduct(version);
        const price = await ensurePrice(version, product);
        await markPushed(db.kysely, version.id, { stripe_product_id: product, stripe_price_id: price });
        deps.log.info({ plan: version.plan_id, version: version.version, price }, 'plan pushed to Stripe');
        done.push(`${version.plan_id} version ${version.version}`);
      }
      return done;
    });
  };

  /** Stripe lets us choose a product's id, so the plan's product is the same one on every try. */
  async function ensureProduct(version: PlanVersion): Promise<string> {
    const id = `${installation_id}_${version.plan_id}`;
    const found = await stripe.products.list({ ids: [id], limit: 1 });
    const wanted = { name: version.content.name, description: version.content.description };
    const existing = found.data[0];
    if (existing !== undefined) {
      if (existing.name !== wanted.name || existing.description !== wanted.description)
        await stripe.products.update(id, wanted);
      return id;
    }
    const created = await stripe.products.create(
      { id, ...wanted, metadata: ownMetadata(installation_id, { farebox_plan: version.plan_id }) },
      { idempotencyKey: `farebox:${installation_id}:product:${version.plan_id}` },
    );
    return created.id;
  }

  async function ensurePrice(version: PlanVersion, product: string): Promise<string> {
    const lookupKey = `${installation_id}:${version.plan_id}:${version.version}`;
    const found = await stripe.prices.list({ lookup_keys: [lookupKey], limit: 1 });
    const existing = found.data[0];
    if (existing !== undefined) return existing.id;
    const { amount_minor, currency, interval } = version.content.price;
    const created = await stripe.prices.create(
      {
        product,
        currency,
        unit_amount: amount_minor,
        recurring: { interval },
        lookup_key: lookupKey,
        nickname: `${version.content.name}, version ${version.version}`,
        metadata: ownMetadata(installation_id, { farebox_plan: version.plan_id, farebox_plan_version: version.id }),
      },
      { idempotencyKey: `farebox:${installation_id}:price:${version.id}` },
    );
    return created.id;
  }
}
