import type Stripe from 'stripe';

/** What a seller had at Stripe before Farebox came, made as its own program would with the SDK alone. */
export async function fillForeignAccount(stripe: Stripe) {
  const product = async (name: string) => (await stripe.products.create({ name })).id;
  const pro = await product('Pro');
  const team = await product('Team');
  const hobby = await product('Hobby');
  const price = async (of: string, unit_amount: number, more: Partial<Stripe.PriceCreateParams> = {}) =>
    (
      await stripe.prices.create({
        product: of,
        currency: 'usd',
        unit_amount,
        recurring: { interval: 'month' },
        ...more,
      })
    ).id;
  const month = await price(pro, 49_900);
  const year = await price(pro, 499_000, { recurring: { interval: 'year' } });
  const old = await price(pro, 29_900);
  const seat = await price(team, 2000);
  const fortnight = await price(hobby, 500, { recurring: { interval: 'week', interval_count: 2 } });

  async function customer(email: string | null, more: Partial<Stripe.CustomerCreateParams> = {}): Promise<string> {
    const card = { payment_method: 'pm_card_visa', invoice_settings: { default_payment_method: 'pm_card_visa' } };
    return (await stripe.customers.create({ name: 'Ada', ...(email === null ? {} : { email }), ...card, ...more })).id;
  }
  const subscribe = async (to: string, of: string, more: Partial<Stripe.SubscriptionCreateParams> = {}) =>
    (await stripe.subscriptions.create({ customer: to, items: [{ price: of }], ...more })).id;

  const ada = await customer('ada@example.com');
  const bob = await customer('bob@example.com');
  const cleo = await customer('cleo@example.com');
  const dan = await customer('dan@example.com');
  const eve = await customer('eve@example.com');
  const fay = await customer('fay@example.com');
  const nameless = await customer(null);
  const foreign = await customer('gus@example.com', { metadata: { farebox_installation: 'inst_another' } });
  const idle = await customer('hal@example.com');
  const subscriptions = {
    ada: await subscribe(ada, month),
    bob: await subscribe(bob, year),
    // An amount that is not sold any more.
    cleo: await subscribe(cleo, old),
    // Two at once.
    dan: await subscribe(dan, month),
    danAgain: await subscribe(dan, year),
    seats: await subscribe(eve, seat, { items: [{ price: seat, quantity: 3 }] }),
    fortnight: await subscribe(fay, fortnight),
    foreign: await subscribe(foreign, month, { metadata: { farebox_installation: 'inst_another' } }),
  };
  await stripe.prices.update(old, { active: false });
  return {
    prices: { month, year, old, seat, fortnight },
    products: { pro, team, hobby },
    customers: { ada, bob, cleo, dan, eve, fay, nameless, foreign, idle },
    subscriptions,
  };
}
