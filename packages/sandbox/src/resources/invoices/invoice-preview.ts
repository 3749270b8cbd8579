import type Stripe from 'stripe';
import type { Wire } from '../../contract/wire.ts';
import { invalid, invalidParam, noSuch } from '../../http/api-error.ts';
import {
  currencyCode,
  decimal,
  emptyable,
  flag,
  integer,
  list,
  metadata,
  oneOf,
  type Read,
  shape,
  text,
} from '../../http/params.ts';
import { route } from '../../http/route.ts';
import type { CustomerRecord, InvoiceRecord, Seconds, SubscriptionRecord } from '../../store/records.ts';
import type { ScheduleRecord } from '../../store/schedule-records.ts';
import type { Tx } from '../../store/store.ts';
import { atTime } from '../../time/test-clock.ts';
import type { Context } from '../context.ts';
import { taxIdsOf } from '../customers/tax-ids.ts';
import { oneTimePriceData } from '../catalog/inline-prices.ts';
import { missingParam } from '../../contract/contract.ts';
import { addressParam } from '../customers/address.ts';
import { createCustomer, findCustomer } from '../customers/customers.ts';
import { isLive } from '../schedules/schedule-end.ts';
import { changeSchedule, changeTable, newSchedule } from '../schedules/schedules.ts';
import { automaticTax } from '../automatic-tax.ts';
import { self } from '../refusals.ts';
import { billingModeParam } from '../subscriptions/billing-mode.ts';
import { pauseTable } from '../subscriptions/paused-subscriptions.ts';
import { changesBilling } from '../subscriptions/change-plan.ts';
import { itemsParam } from '../subscriptions/subscription-items-params.ts';
import { trialEndParam } from '../subscriptions/subscription-trials.ts';
import { discountsParam } from './discounts.ts';
import { createItem, updateItem } from './invoice-items.ts';
import { renderInvoice } from './invoice-render.ts';
import { discounted, none, ofNew, ofSchedule, ofSubscription, silently, wishOf } from './preview-work.ts';

type RenderedInvoice = Wire<Stripe.Invoice>;

const details = {
  billing_cycle_anchor: shape({ timestamp: integer(0), type: oneOf(['now', 'timestamp', 'unchanged']) }),
  billing_mode: shape({ type: oneOf(['flexible'], ['classic']) }),
  cancel_at: emptyable(integer()),
  cancel_at_period_end: flag(),
  cancel_now: flag(),
  default_tax_rates: emptyable(list(text(), 5)),
  items: itemsParam,
  metadata: metadata(),
  pause: shape(pauseTable),
  proration_behavior: oneOf(['create_prorations', 'none', 'always_invoice']),
  proration_date: integer(0),
  resume_at: oneOf(['now']),
  start_date: integer(0),
  trial_end: trialEndParam,
};

/** Items of the preview alone: new ones, or other amounts for items that wait. */
const itemTable = shape({
  amount: integer(),
  currency: currencyCode(),
  description: text(),
  discountable: flag(),
  discounts: discountsParam,
  invoiceitem: text(),
  metadata: metadata(),
  period: shape({ start: integer(0), end: integer(0) }),
  price: text(),
  price_data: oneTimePriceData,
  quantity: integer(0, 999_999_999),
  quantity_decimal: decimal(),
  tax_rates: emptyable(list(text(), 5)),
  unit_amount: integer(),
  unit_amount_decimal: decimal(),
});

const previewTable = {
  automatic_tax: automaticTax,
  currency: currencyCode(),
  customer: text(),
  customer_details: shape({
    address: emptyable(addressParam),
    tax_exempt: emptyable(oneOf(['exempt', 'none', 'reverse'])),
    tax_ids: list(shape({ type: text(30), value: text(200) }), 5),
  }),
  discounts: discountsParam,
  invoice_items: list(itemTable, 250),
  issuer: self,
  preview_mode: oneOf(['next', 'recurring']),
  schedule: text(),
  schedule_details: shape({ ...changeTable, billing_mode: billingModeParam }),
  subscription: text(),
  subscription_details: shape(details),
};

type Params = Partial<Read<typeof previewTable>>;

/** What `subscription_details` say. */
export type Details = Partial<Read<typeof details>>;

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

/** What a preview is of: a subscription, a schedule, or what is only thought of. */
interface Subject {
  customer: CustomerRecord;
  schedule: ScheduleRecord | null;
  subscription: SubscriptionRecord | null;
}

function checkTogether(params: Params): void {
  const by_schedule = params.schedule !== undefined || params.schedule_details !== undefined;
  const by_subscription = params.subscription !== undefined || params.subscription_details !== undefined;
  if (by_schedule && by_subscription) {
    throw invalid('You may not mix `schedule` and `schedule_details` with `subscription` and `subscription_details`.', {
      param: params.schedule === undefined ? 'schedule_details' : 'schedule',
    });
  }
  const { cancel_now, items, pause, resume_at } = params.subscription_details ?? {};
  const ways = [cancel_now === true, pause !== undefined, resume_at !== undefined].filter(Boolean).length;
  if (ways > 1 || (ways === 1 && items !== undefined)) {
    throw invalid('A preview shows one of a cancellation, a pause, a resumption or a change of items.', {
      param: 'subscription_details',
    });
  }
}

/** The tax ids that details name take the place of those there are. */
function withTaxIds(
  tx: Tx,
  customer: CustomerRecord,
  sent: NonNullable<Params['customer_details']>['tax_ids'],
): CustomerRecord {
  if (sent === undefined) return customer;
  for (const old of taxIdsOf(tx, customer.id)) tx.remove('tax_id', old.id);
  for (const [index, { type, value }] of sent.entries()) {
    const param = `customer_details[tax_ids][${index}]`;
    if (type === undefined) throw missingParam(`${param}[type]`);
    if (value === undefined) throw missingParam(`${param}[value]`);
    tx.put('tax_id', { id: tx.newId('txi_'), created: tx.now, customer: customer.id, type, value });
  }
  return customer;
}

/** The customer of a preview: the one it names, as the details have it, or one that is only thought of. */
function customerFor(context: Context, tx: Tx, id: string | undefined, params: Params): CustomerRecord {
  const sent = params.customer_details;
  const { address, tax_exempt } = sent ?? {};
  const details_of = {
    ...(address === undefined ? {} : { address }),
    ...(tax_exempt === undefined ? {} : { tax_exempt: tax_exempt ?? 'none' }),
  };
  if (id !== undefined) {
    const changed = tx.put('customer', { ...findCustomer(tx, id, 'customer'), ...details_of });
    return withTaxIds(tx, changed, sent?.tax_ids);
  }
  if (sent === undefined) {
    throw invalid('You must provide one of `customer`, `customer_details`, `subscription` or `schedule`.', {
      param: 'customer',
    });
  }
  return withTaxIds(tx, createCustomer(silently(context, tx, tx.now), details_of), sent.tax_ids);
}

function nextOf(tx: Tx, customer: string): SubscriptionRecord {
  const end = (each: SubscriptionRecord): Seconds => Math.min(...each.items.map((item) => item.current_period_end));
  const [next] = tx
    .all('subscription')
    .filter((each) => each.customer === customer && ['active', 'past_due', 'trialing'].includes(each.status))
    .toSorted((a, b) => end(a) - end(b));
  if (next === undefined) throw none(customer);
  return next;
}

function named<T extends { customer: string }>(params: Params, noun: string, id: string, found: T | undefined): T {
  if (found === undefined) throw noSuch(noun, id, noun.split(' ').at(-1) ?? noun);
  if (params.customer !== undefined && params.customer !== found.customer) {
    throw invalid(`The ${noun} ${id} belongs to another customer.`, { param: noun.split(' ').at(-1) ?? noun });
  }
  return found;
}

function subjectOf(context: Context, tx: Tx, params: Params): Subject {
  const { customer, schedule: schedule_id, subscription: id } = params;
  if (schedule_id !== undefined) {
    const schedule = named(params, 'subscription schedule', schedule_id, tx.get('subscription_schedule', schedule_id));
    if (!isLive(schedule)) throw none(schedule.customer);
    const subscription = tx.get('subscription', schedule.subscription ?? '') ?? null;
    return { customer: customerFor(context, tx, schedule.customer, params), schedule, subscription };
  }
  if (id !== undefined) {
    const subscription = named(params, 'subscription', id, tx.get('subscription', id));
    if (subscription.ended_at !== null) throw none(subscription.customer);
    return { customer: customerFor(context, tx, subscription.customer, params), schedule: null, subscription };
  }
  const owner = customerFor(context, tx, customer, params);
  const is_new = params.schedule_details !== undefined || params.subscription_details?.items !== undefined;
  return { customer: owner, schedule: null, subscription: is_new ? null : nextOf(tx, owner.id) };
}

/** Adds the items that are only in the preview, and changes those that wait. */
function addItems(context: Context, tx: Tx, subject: Subject, params: Params): void {
  const now = silently(context, tx, tx.now);
  for (const [index, item] of (params.invoice_items ?? []).entries()) {
    const { currency, invoiceitem, price, unit_amount, ...rest } = item;
    const priced = {
      ...(price === undefined ? {} : { pricing: { price } }),
      ...(unit_amount === undefined ? {} : { unit_amount_decimal: String(unit_amount) }),
    };
    if (invoiceitem !== undefined) {
      if (tx.get('invoice_item', invoiceitem)?.customer !== subject.customer.id) {
        throw noSuch('invoiceitem', invoiceitem, `invoice_items[${index}][invoiceitem]`);
      }
      updateItem(now, { ...rest, ...priced }, invoiceitem);
      continue;
    }
    createItem(now, {
      ...rest,
      ...priced,
      currency: currency ?? params.currency ?? subject.subscription?.currency ?? subject.customer.currency ?? undefined,
      customer: subject.customer.id,
    });
  }
}

/** A full cycle as it will come again and again: nothing that waits, nothing that is billed once. */
function clearOnce(tx: Tx, subject: Subject): Subject {
  for (const item of tx.all('invoice_item')) {
    if (item.customer === subject.customer.id && item.invoice === null) tx.remove('invoice_item', item.id);
  }
  if (subject.subscription === null) return subject;
  const now = tx.need('subscription', subject.subscription.id);
  const discounts = (now.discounts ?? []).filter(
    (id) => tx.need('coupon', tx.need('discount', id).coupon).duration !== 'once',
  );
  return { ...subject, subscription: tx.put('subscription', { ...now, discounts }) };
}

function workOn(context: Context, tx: Tx, subject: Subject, params: Params): InvoiceRecord {
  const now = silently(context, tx, tx.now);
  const before = subject.subscription?.latest_invoice ?? null;
  if (subject.schedule !== null) {
    const changed =
      params.schedule_details === undefined
        ? subject.schedule
        : changeSchedule(now, subject.schedule, params.schedule_details);
    return ofSchedule(context, tx, changed, before);
  }
  if (params.schedule_details !== undefined) {
    const { billing_mode, end_behavior, pause_schedules, phases } = params.schedule_details;
    const start_date = phases?.[0]?.start_date ?? 'now';
    const made = newSchedule(now, {
      billing_mode,
      customer: subject.customer.id,
      end_behavior,
      pause_schedules,
      phases,
      start_date,
    });
    return ofSchedule(context, tx, made, before);
  }
  const given: Details = params.subscription_details ?? {};
  if (subject.subscription === null) {
    const wanted = params.discounts ?? [];
    if (params.preview_mode !== 'recurring') return ofNew(context, tx, subject.customer.id, given, wanted);
    const { trial_end: _trial, ...lasting } = given;
    const often = wanted.filter(({ coupon = '', promotion_code = '' }) => {
      const id = tx.get('promotion_code', promotion_code)?.coupon ?? coupon;
      return tx.get('coupon', id)?.duration !== 'once';
    });
    return ofNew(context, tx, subject.customer.id, lasting, often);
  }
  if (params.preview_mode !== 'recurring') return ofSubscription(context, tx, subject.subscription, given);
  return recurring(context, tx, subject, given);
}

/** The change without its prorations, and then a full cycle. */
function recurring(context: Context, tx: Tx, subject: Subject, given: Details): InvoiceRecord {
  const { subscription } = subject;
  if (subscription === null) throw none(subject.customer.id);
  const { proration_date: _date, ...lasting } = given;
  const quiet: Details = { ...lasting, proration_behavior: 'none' };
  const was = subscription.latest_invoice;
  const first = ofSubscription(context, tx, subscription, quiet);
  const now = tx.need('subscription', subscription.id);
  // What the change itself bills at once, as the end of a trial does, does not come again.
  if (first.billing_reason === 'subscription_cycle' || now.latest_invoice === was) return first;
  clearOnce(tx, subject);
  return ofSubscription(context, tx, tx.need('subscription', subscription.id), {});
}

/** Answers with the invoice that would be made: the work is done and undone, nothing is stored and nobody told. */
function preview(context: Context, params: Params): RenderedInvoice {
  checkTogether(params);
  const { now_ms } = context.tx;
  const given: Details = params.subscription_details ?? {};
  if (params.preview_mode === 'recurring' && (given.cancel_now === true || given.pause !== undefined)) {
    throw invalidParam('A subscription that ends or is paused has no recurring invoice.', 'preview_mode');
  }
  const known = new Set(context.tx.all('customer').map((each) => each.id));
  return context.tx.rehearse((own) => {
    const tx = atTime(own, now_ms);
    let subject = subjectOf(context, tx, params);
    if (params.preview_mode === 'recurring') subject = clearOnce(tx, subject);
    else addItems(context, tx, subject, params);
    if (params.discounts !== undefined && subject.subscription !== null) {
      const subscription = discounted(context, tx, subject.subscription, params.discounts ?? []);
      subject = { ...subject, subscription };
    }
    const invoice = workOn(context, tx, subject, params);
    if (params.currency !== undefined && params.currency !== invoice.currency) {
      const text = `The invoice would be in ${invoice.currency}, which its prices are in, not in ${params.currency}.`;
      throw invalidParam(text, 'currency');
    }
    const proration_date = changesBilling(wishOf(given)) ? (given.proration_date ?? tx.now) : null;
    const shown = render(context, tx, invoice, proration_date);
    // A customer that is only thought of has no id to give.
    return known.has(invoice.customer) ? shown : { ...shown, customer: null };
  });
}

/** The next invoice of a subscription, as it stands now. */
export function previewNext(context: Context, subscription: string): RenderedInvoice {
  return preview(context, { subscription });
}

export const invoicePreviewRoutes = [route('POST /v1/invoices/create_preview', previewTable, preview)];
