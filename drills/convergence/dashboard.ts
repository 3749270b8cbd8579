import type Stripe from 'stripe';
import type { DashboardEdit } from './commands.ts';
import type { Play } from './play.ts';
import type { Params } from './world.ts';

/** What somebody does in Stripe's dashboard, past the program. What Stripe refuses is refused. */
export async function edit(play: Play, what: DashboardEdit, amount: number): Promise<void> {
  const customer = await play.stripeCustomer();
  if (customer === null) return;
  await (editCustomer(play, what, customer, amount) ?? editSubscription(play, what, customer, amount));
}

type Done = Promise<unknown> | null;

/** Null for an edit of a subscription. */
function editCustomer({ world }: Play, what: DashboardEdit, customer: string, amount: number): Done {
  const post = (path: string, params: Params = {}) => world.stripe('POST', path, params);
  const newest = async (status: string) =>
    (await world.list<Stripe.Invoice>('/v1/invoices', { customer, status, limit: 1 }))[0]?.id;
  const onInvoice = async (verb: string) => {
    const id = await newest('open');
    if (id !== undefined) await post(`/v1/invoices/${id}/${verb}`);
  };
  switch (what) {
    case 'void an invoice':
      return onInvoice('void');
    case 'uncollectible':
      return onInvoice('mark_uncollectible');
    case 'pay an invoice':
      return onInvoice('pay');
    case 'delete a draft':
      return newest('draft').then((id) => (id === undefined ? null : world.stripe('DELETE', `/v1/invoices/${id}`)));
    case 'balance':
      return post(`/v1/customers/${customer}/balance_transactions`, { amount: -amount * 700, currency: 'usd' });
    case 'delete the customer':
      return world.stripe('DELETE', `/v1/customers/${customer}`);
    case 'refund':
      return world.list<Stripe.Charge>('/v1/charges', { customer }).then((charges) => {
        const charge = charges.find((each) => each.paid && each.amount > each.amount_refunded);
        if (charge === undefined) return null;
        const left = charge.amount - charge.amount_refunded;
        return post('/v1/refunds', { charge: charge.id, amount: Math.max(1, Math.floor((left * amount) / 9)) });
      });
    case 'detach the card':
      return world
        .list<Stripe.PaymentMethod>(`/v1/customers/${customer}/payment_methods`)
        .then(([method]) => (method === undefined ? null : post(`/v1/payment_methods/${method.id}/detach`)));
    default:
      return null;
  }
}

async function editSubscription(
  { world }: Play,
  what: DashboardEdit,
  customer: string,
  amount: number,
): Promise<unknown> {
  const all = await world.list<Stripe.Subscription>('/v1/subscriptions', { customer, status: 'all' });
  const held = all.find((each) => each.ended_at === null);
  const item = held?.items.data[0];
  if (held === undefined || item === undefined) return null;
  const of = `/v1/subscriptions/${held.id}`;
  const post = (path: string, params: Params) => world.stripe('POST', path, params);
  switch (what) {
    case 'another quantity':
      return await post(of, { items: [{ id: item.id, quantity: amount }] });
    case 'another plan': {
      const prices = await world.list<Stripe.Price>('/v1/prices', { type: 'recurring' });
      return await post(of, { items: [{ id: item.id, price: prices[amount % prices.length]?.id, quantity: 1 }] });
    }
    case 'cancel now':
      return await world.stripe('DELETE', of, { prorate: amount > 4 });
    case 'cancel at the end':
      return await post(of, { cancel_at_period_end: held.cancel_at === null });
    case 'pause':
      return await post(`${of}/pause`, { type: 'subscription' });
    case 'resume':
      return await post(`${of}/resume`, { billing_cycle_anchor: { type: amount > 4 ? 'now' : 'unchanged' } });
    case 'pause collection':
      return await post(of, { pause_collection: held.pause_collection === null ? { behavior: 'void' } : '' });
    case 'discount': {
      const coupons = await world.list<Stripe.Coupon>('/v1/coupons');
      const coupon = coupons[amount % coupons.length]?.id;
      return await post(of, { discounts: held.discounts.length > 0 ? '' : [{ coupon }] });
    }
    default:
      // A second subscription that names this installation, as when somebody copies the first, with what pays it.
      return await world.stripe('POST', '/v1/subscriptions', {
        customer,
        items: [{ price: item.price.id }],
        default_payment_method: held.default_payment_method ?? undefined,
        metadata: { ...held.metadata, farebox_intent: undefined },
      });
  }
}
