import Stripe from 'stripe';
import type { PlanVersion } from '../plans/store.ts';

/**
 * Whether what is on sale here can be sold at Stripe. Somebody may archive or rename a product or a price there, behind our
 * back; that cannot be repaired by reading, so it is said to an operator.
 */
export function createCatalogCheck(deps: {
  stripe: Stripe;
  installation_id: string;
  versionByStripePrice(stripePriceId: string): Promise<PlanVersion | null>;
  /** The versions on sale. */
  current(): Promise<PlanVersion[]>;
}) {
  const { stripe } = deps;

  /** Of one object that an event names. */
  async function one(objectId: string): Promise<string | null> {
    const plan = (await deps.current()).find((version) => version.stripe_product_id === objectId);
    if (plan !== undefined) return await productFault(plan, objectId);
    const version = await deps.versionByStripePrice(objectId);
    return version === null || version.archived_at !== null ? null : await priceFault(version, objectId);
  }

  /** Of everything that is on sale, each with the object it is about. */
  async function all(): Promise<{ object_id: string; detail: string }[]> {
    const found: { object_id: string; detail: string | null }[] = [];
    for (const version of await deps.current()) {
      const id = version.stripe_product_id;
      if (id !== null) found.push({ object_id: id, detail: await productFault(version, id) });
      for (const { stripe_price_id: price } of version.prices)
        if (price !== null) found.push({ object_id: price, detail: await priceFault(version, price) });
    }
    return found.flatMap(({ object_id, detail }) => (detail === null ? [] : { object_id, detail }));
  }

  async function productFault(version: PlanVersion, id: string): Promise<string | null> {
    const product = await found(stripe.products.retrieve(id));
    const { name } = version.content;
    if (product === null)
      return `The product ${id} of the plan "${name}" was deleted at Stripe. Push the price list again.`;
    if (!product.active) return `The product ${id} of the plan "${name}" was archived at Stripe: nobody can buy it.`;
    if (product.name !== name) return `The product ${id} is called "${product.name}" at Stripe and "${name}" here.`;
    return null;
  }

  async function priceFault(version: PlanVersion, id: string): Promise<string | null> {
    const price = await found(stripe.prices.retrieve(id));
    const plan = `version ${version.version} of the plan "${version.content.name}"`;
    if (price === null) return `The price ${id} of ${plan} is no longer at Stripe.`;
    return price.active ? null : `The price ${id} of ${plan} was archived at Stripe: nobody can buy it.`;
  }

  return { one, all };
}

async function found<T extends object>(read: Promise<T>): Promise<T | null> {
  try {
    const object = await read;
    return 'deleted' in object && object.deleted === true ? null : object;
  } catch (error) {
    if (error instanceof Stripe.errors.StripeError && error.code === 'resource_missing') return null;
    throw error;
  }
}
