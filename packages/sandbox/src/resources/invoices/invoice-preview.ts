import type Stripe from 'stripe';
import type { Wire } from '../../contract/wire.ts';
import { ApiError, invalid, noSuch } from '../../http/api-error.ts';
import { emptyable, flag, integer, oneOf, type Read, shape, text } from '../../http/params.ts';
import { route } from '../../http/route.ts';
import type { InvoiceRecord, Seconds, SubscriptionRecord } from '../../store/records.ts';
import { atTime } from '../../time/test-clock.ts';
import { finalizeInvoice } from './collect.ts';
import { type Context, createContext } from '../context.ts';
import { findCustomer } from '../customers/customers.ts';
import { discountsParam } from './discounts.ts';
import { renderInvoice } from './invoice-render.ts';
import { changesBilling, type Wish } from '../subscriptions/change-plan.ts';
import { applyWish } from '../subscriptions/subscription-change.ts';
import { renew } from '../subscriptions/subscription-cycle.ts';
import { itemsParam, newItemOf } from '../subscriptions/subscription-items-params.ts';
import { startSubscription } from '../subscriptions/subscription-start.ts';
import { trialEndOf, trialEndParam } from '../subscriptions/subscription-trials.ts';

type RenderedInvoice = Wire<Stripe.Invoice>;

const details = {
  billing_cycle_anchor: shape({ type: oneOf(['now', 'unchanged'], ['timestamp']) }),
  billing_mode: shape({ type: oneOf(['flexible'], ['classic']) }),
  cancel_at: emptyable(integer()),
  cancel_at_period_end: flag(),
  items: itemsParam,
  proration_behavior: oneOf(['create_prorations', 'none', 'always_invoice']),
  proration_date: integer(0),
  trial_end: trialEndParam,
};

const previewTable = {
  customer: text(),
  discounts: discountsParam,
  preview_mode: oneOf(['next'], ['recurring']),
  subscription: text(),
  subscription_details: shape(details),
};

type Details = Partial<Read<typeof details>>;

function none(customer: string): Error {
  return new ApiError(404, 'invalid_request_error', `No upcoming invoices for customer: ${customer}`, {
    code: 'invoice_upcoming_none',
  });
}

/** The same work at another time, telling nobody. */
function at(context: Context, tx: Context['tx'], seconds: Seconds): Context {
  const now = Math.max(seconds, tx.now);
  const silent = createContext(atTime(tx, now * 1000), context.account_name, null);
  return { ...silent, clock: context.clock };
}

function ending(subscription: SubscriptionRecord, given: Details): SubscriptionRecord {
  const end = subscription.items[0]?.current_period_end ?? null;
  const { cancel_at, cancel_at_period_end } = given;
  if (cancel_at_period_end !== undefined) {
    return { ...subscription, cancel_at: cancel_at_period_end ? end : null, cancel_at_period_end };
  }
  return cancel_at === undefined ? subscription : { ...subscription, cancel_at, cancel_at_period_end: false };
}

/** Runs the next renewal, as it would be, and its finalization an hour later. */
function nextRenewal(context: Context, tx: Context['tx'], subscription: SubscriptionRecord): InvoiceRecord {
  const due = subscription.items[0]?.current_period_end ?? tx.now;
  const before = subscription.latest_invoice;
  if (subscription.ended_at !== null || subscription.status === 'paused') throw none(subscription.customer);
  renew(at(context, tx, due), subscription.id);
  const { latest_invoice } = tx.need('subscription', subscription.id);
  const draft = latest_invoice === null || latest_invoice === before ? undefined : tx.get('invoice', latest_invoice);
  if (draft === undefined) throw none(subscription.customer);
  if (draft.status !== 'draft') return draft;
  const final = finalizeInvoice(at(context, tx, draft.automatically_finalizes_at ?? due), draft);
  return { ...final, automatically_finalizes_at: draft.automatically_finalizes_at };
}

function wishOf(given: Details): Wish {
  return { ...given, resets_anchor: given.billing_cycle_anchor?.type === 'now' };
}

function ofSubscription(
  context: Context,
  tx: Context['tx'],
  subscription: SubscriptionRecord,
  given: Details,
): InvoiceRecord {
  const now = at(context, tx, tx.now);
  const old = tx.put('subscription', ending(subscription, given));
  const wish = wishOf(given);
  if (!changesBilling(wish)) return nextRenewal(context, tx, old);
  const { subscription: changed, invoice } = applyWish(now, old, wish);
  return invoice ?? nextRenewal(context, tx, changed);
}

/** The first invoice of a subscription that is only thought of. */
function ofNew(
  context: Context,
  tx: Context['tx'],
  customer_id: string,
  given: Details,
  params: Read<typeof previewTable>,
): InvoiceRecord {
  const { items = [] } = given;
  const customer = findCustomer(tx, customer_id, 'customer');
  const now = at(context, tx, tx.now);
  const { subscription } = startSubscription(now, {
    customer,
    description: null,
    discounts: params.discounts ?? [],
    items: items.map((item, index) => newItemOf(now, item, `subscription_details[items][${index}]`)),
    metadata: {},
    default_payment_method: null,
    save_default_payment_method: 'off',
    pay_with: null,
    pay_later: true,
    off_session: false,
    authenticated: false,
    trial_end: trialEndOf(tx, given),
  });
  const invoice = subscription.latest_invoice === null ? undefined : tx.get('invoice', subscription.latest_invoice);
  return invoice ?? nextRenewal(context, tx, tx.put('subscription', { ...subscription, status: 'active' }));
}

/** What a final invoice would look like as the draft of tomorrow: not numbered, not charged, not kept. */
function render(
  context: Context,
  tx: Context['tx'],
  invoice: InvoiceRecord,
  proration_date: Seconds | null,
): RenderedInvoice {
  const id = `upcoming_${invoice.id}`;
  const lines = invoice.lines.map((line) => ({ ...line, id: line.id.replace(/^il_/, 'il_tmp_') }));
  const shown = renderInvoice(
    tx,
    {
      ...invoice,
      id,
      amount_paid: 0,
      attempt_count: 0,
      auto_advance: true,
      billing_reason: 'upcoming',
      finalized_at: null,
      lines,
      next_payment_attempt: invoice.automatically_finalizes_at ?? invoice.created,
      number: null,
      page_token: null,
      paid_at: null,
      payment_intent: null,
      status: 'draft',
      webhooks_delivered_at: null,
    },
    context.account_name,
  );
  const { parent } = shown;
  const own = parent?.subscription_details;
  if (proration_date === null || parent == null || own == null) return shown;
  return {
    ...shown,
    parent: { ...parent, subscription_details: { ...own, subscription_proration_date: proration_date } },
  };
}

function subscriptionFor(context: Context, params: Read<typeof previewTable>): SubscriptionRecord | null {
  const { tx } = context;
  if (params.subscription !== undefined) {
    const found = tx.get('subscription', params.subscription);
    if (found === undefined) throw noSuch('subscription', params.subscription, 'subscription');
    if (params.customer !== undefined && params.customer !== found.customer) {
      throw invalid(`The subscription ${found.id} belongs to another customer.`, { param: 'subscription' });
    }
    if (found.ended_at !== null) throw none(found.customer);
    return found;
  }
  if (params.customer === undefined) {
    throw invalid('You must provide one of `customer`, `subscription` or `schedule`.', { param: 'customer' });
  }
  const { id } = findCustomer(tx, params.customer, 'customer');
  if (params.subscription_details?.items !== undefined) return null;
  const end = (each: SubscriptionRecord): Seconds => each.items[0]?.current_period_end ?? 0;
  const [next] = tx
    .all('subscription')
    .filter((each) => each.customer === id && ['active', 'past_due', 'trialing'].includes(each.status))
    .toSorted((a, b) => end(a) - end(b));
  if (next === undefined) throw none(id);
  return next;
}

/** Answers with the invoice that would be made: the work is done and undone, nothing is stored and nobody told. */
function preview(context: Context, params: Read<typeof previewTable>): RenderedInvoice {
  const subscription = subscriptionFor(context, params);
  if (subscription !== null && params.discounts != null) {
    throw invalid('The sandbox previews discounts only for a new subscription; Stripe previews them for any.', {
      code: 'unsupported',
      param: 'discounts',
    });
  }
  const given: Details = params.subscription_details ?? {};
  const { now_ms } = context.tx;
  return context.tx.rehearse((own) => {
    const tx = atTime(own, now_ms);
    const invoice =
      subscription === null
        ? ofNew(context, tx, params.customer ?? '', given, params)
        : ofSubscription(context, tx, subscription, given);
    const proration_date = changesBilling(wishOf(given)) ? (given.proration_date ?? tx.now) : null;
    return render(context, tx, invoice, proration_date);
  });
}

export const invoicePreviewRoutes = [route('POST /v1/invoices/create_preview', previewTable, preview)];
