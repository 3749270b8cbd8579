import { elapsed, periodFrom } from '../../billing/periods.ts';
import { moved } from '../../billing/states.ts';
import type {
  CustomerRecord,
  InvoiceRecord,
  LineRecord,
  Metadata,
  PaymentMethodRecord,
  SubscriptionItemRecord,
  SubscriptionRecord,
} from '../../store/records.ts';
import { checkClockRoom } from '../../time/test-clock.ts';
import { type Attempt, attemptPayment } from '../invoices/collect.ts';
import { finalizeInvoice } from '../invoices/finalization.ts';
import { type Context, emit, schedule } from '../context.ts';
import { redeemAll, type Wanted } from '../invoices/discounts.ts';
import { createDraft, DRAFT_SECONDS, lineOfItem, pendingItems } from '../invoices/invoice-draft.ts';
import { priceAmount } from '../../billing/money.ts';
import { openSetup } from '../payments/setup-intents.ts';
import { isMetered, zeroUsageLine } from '../usage/usage-lines.ts';
import { addInvoiceItems, type AddedEntry } from './add-invoice-items.ts';
import { cycleOf, intervalOf, isClassic, periodEnd } from './billing-mode.ts';
import { announceTrialEnd } from './pending-updates.ts';
import type { Anchoring } from './subscription-anchors.ts';
import { checkTogether, itemDiscounts, type NewItem } from './subscription-items-params.ts';
import { renderSubscription } from './subscription-render.ts';

/** What a subscription begins with. */
export interface Start {
  customer: CustomerRecord;
  description: string | null;
  items: NewItem[];
  metadata: Metadata;
  /** Kept as the subscription's own payment method. */
  default_payment_method: string | null;
  save_default_payment_method: 'off' | 'on_subscription';
  /** What the first invoice is charged to; `null` leaves it open. */
  pay_with: PaymentMethodRecord | null;
  /** Nothing is charged in this request: the payer confirms later. */
  pay_later: boolean;
  off_session: boolean;
  /** Redeemed for the subscription. */
  discounts?: Wanted[];
  default_tax_rates?: string[];
  /** It begins with a trial until then. */
  trial_end?: number | null;
  missing_payment_method?: SubscriptionRecord['missing_payment_method'];
  /** The schedule that begins it. Its first invoice is a draft for an hour, as that of a renewal is. */
  schedule?: string;
  /** The checkout session it comes from. */
  checkout_session?: string;
  /** The payer has shown that the card is theirs. */
  authenticated: boolean;
  /** From when its periods are counted; by default from now, or from the end of the trial. */
  anchoring?: Anchoring;
  /** Whether what lies before the first full period is billed by its share, or free (`none`). */
  proration_behavior?: 'always_invoice' | 'create_prorations' | 'none';
  add_invoice_items?: readonly AddedEntry[];
  /** How it is billed besides: collection method, billing mode, invoice settings and the like. */
  settings?: Partial<SubscriptionRecord>;
}

const INCOMPLETE_HOURS = 23;

/** What a start leaves open about its anchor. */
const unanchored: Anchoring = { anchor: null, config: null, starts_at: null };

/** The anchor, and where the first period of each item begins. */
function firstPeriods(
  context: Context,
  start: Start,
): Pick<SubscriptionRecord, 'anchor_config' | 'billing_cycle_anchor'> & { begins: number } {
  const { now } = context.tx;
  const { anchor, config, starts_at } = start.anchoring ?? unanchored;
  const trial_end = start.trial_end ?? null;
  const by_default = trial_end === null || start.settings?.trial_anchor === 'unchanged' ? now : trial_end;
  // A fixed anchor makes one stretch of the time from a backdated start; without one the period begins now.
  const begins = anchor !== null && starts_at !== null && trial_end === null ? starts_at : now;
  return { anchor_config: config, billing_cycle_anchor: anchor ?? by_default, begins };
}

function currencyOf(context: Context, start: Start): string {
  return context.tx.get('price', start.items[0]?.price ?? '')?.currency ?? '';
}

/** Writes a subscription with its first period, without an invoice yet and without an event. */
function write(context: Context, start: Start): SubscriptionRecord {
  const { tx } = context;
  const currency = currencyOf(context, start);
  const trial_end = start.trial_end ?? null;
  const { begins, ...anchored } = firstPeriods(context, start);
  const base = { currency, customer: start.customer.id };
  return tx.put('subscription', {
    id: tx.newId('sub_'),
    created: tx.now,
    ...anchored,
    cancel_at: null,
    cancel_at_period_end: false,
    canceled_at: null,
    cancellation: { comment: null, feedback: null, reason: null },
    ...base,
    default_payment_method: start.default_payment_method,
    default_tax_rates: [],
    description: start.description,
    discounts: [],
    ended_at: null,
    items: start.items.map((item) => {
      const { discounts: wanted = [], ...made } = item;
      const id = tx.newId('si_', 14);
      const discounts = itemDiscounts(context, base, { id, has: [] }, wanted);
      const { span, whole } = periodFrom(cycleOf(anchored), intervalOf(tx, item), tx.now);
      return {
        id,
        created: tx.now,
        current_period_end: trial_end ?? span.end,
        // Usage is counted from when it can be reported.
        // Of a backdated start only the period that runs now; those before it are over.
        current_period_start: isMetered(tx, item) ? tx.now : Math.max(begins, Math.min(whole.start, tx.now)),
        ...made,
        ...(discounts.length === 0 ? {} : { discounts }),
      };
    }),
    latest_invoice: null,
    metadata: start.metadata,
    ...(start.missing_payment_method === undefined ? {} : { missing_payment_method: start.missing_payment_method }),
    save_default_payment_method: start.save_default_payment_method,
    schedule: start.schedule ?? null,
    start_date: start.anchoring?.starts_at ?? tx.now,
    status: 'incomplete',
    trial_end,
    trial_start: trial_end === null ? null : tx.now,
    ...start.settings,
  });
}

/** Redeems what the subscription begins with. */
function discounted(context: Context, subscription: SubscriptionRecord, start: Start): SubscriptionRecord {
  const { tx } = context;
  const { discounts = [], default_tax_rates = [] } = start;
  if (discounts.length === 0 && default_tax_rates.length === 0) return subscription;
  const amount = subscription.items.reduce(
    (sum, item) => sum + priceAmount(tx.need('price', item.price), item.quantity),
    0,
  );
  const owner = {
    checkout_session: start.checkout_session ?? null,
    customer: subscription.customer,
    subscription: subscription.id,
  };
  const ids = redeemAll(context, discounts, owner, { currency: subscription.currency, amount, has: [] });
  return tx.put('subscription', { ...subscription, default_tax_rates, discounts: ids });
}

/** Lines for the time since a backdated start, up to now or to the fixed anchor. */
function backdated(
  context: Context,
  subscription: SubscriptionRecord,
  item: SubscriptionItemRecord,
  start: Start,
): LineRecord[] {
  const { anchor, starts_at } = start.anchoring ?? unanchored;
  if (starts_at === null || isMetered(context.tx, item)) return [];
  const until = anchor === null || start.trial_end != null ? context.tx.now : item.current_period_end;
  // The trial has not begun then: what went before it is paid for.
  const paying = { ...subscription, trial_end: null };
  return elapsed(starts_at, intervalOf(context.tx, item), until).map((stretch) =>
    lineOfItem(context, paying, item, stretch),
  );
}

/** The first invoice; `null` when there is nothing to bill yet, as usage is billed in arrears. */
function firstInvoice(context: Context, subscription: SubscriptionRecord, start: Start): InvoiceRecord | null {
  const { tx } = context;
  const { anchor, starts_at } = start.anchoring ?? unanchored;
  const prorates = start.proration_behavior !== 'none';
  const lines = prorates ? subscription.items.flatMap((item) => backdated(context, subscription, item, start)) : [];
  const on_trial = subscription.trial_end != null;
  // What goes before a fixed anchor is free unless it is prorated; with a backdated start it is billed by its lines.
  const ahead = anchor === null || on_trial || (prorates && starts_at === null) ? subscription.items : [];
  const metered = isClassic(subscription) ? subscription.items.filter((item) => isMetered(tx, item)) : [];
  lines.push(...metered.map((item) => zeroUsageLine(context, subscription, item)));
  const bills = lines.length > 0 || ahead.some((item) => !isMetered(tx, item));
  if (!bills && pendingItems(context, subscription).length === 0) return null;
  const stays_draft = start.schedule !== undefined || subscription.collection_method === 'send_invoice';
  const draft = createDraft(context, subscription, {
    billing_reason: 'subscription_create',
    automatically_finalizes_at: stays_draft ? tx.now + DRAFT_SECONDS : null,
    items: ahead,
    lines,
    period: { start: subscription.start_date ?? tx.now, end: tx.now },
  });
  return stays_draft ? draft : finalizeInvoice(context, draft);
}

/** Whether what is charged after a trial has no card yet. */
function asksForCard(subscription: SubscriptionRecord, start: Start): boolean {
  return subscription.trial_end != null && start.pay_with === null && subscription.collection_method !== 'send_invoice';
}

/**
 * Starts a subscription: first invoice finalized and, when it can be, paid inside the same transaction. The caller
 * decides what a failed first payment means. `customer.subscription.created` says how it stands at the end.
 */
export function startSubscription(
  context: Context,
  start: Start,
): { subscription: SubscriptionRecord; attempt: Attempt | null } {
  const { tx } = context;
  checkClockRoom(context, start.customer.id);
  checkTogether(context, { ...start.settings, currency: currencyOf(context, start) }, start.items);
  let subscription = discounted(context, write(context, start), start);
  addInvoiceItems(context, subscription, start.add_invoice_items ?? []);
  const invoice = firstInvoice(context, subscription, start);
  subscription = tx.put('subscription', {
    ...tx.need('subscription', subscription.id),
    latest_invoice: invoice?.id ?? null,
  });
  let attempt: Attempt | null = invoice?.status === 'paid' ? { outcome: 'paid', invoice } : null;
  if (invoice?.status === 'open' && !start.pay_later && start.pay_with !== null) {
    const method = start.authenticated ? { ...start.pay_with, authenticated: true } : start.pay_with;
    attempt = attemptPayment(context, invoice, { method, off_session: start.off_session, automatic: true });
  }
  // A sent invoice is paid when its payer likes: nothing waits for it.
  const is_settled = invoice === null || invoice.status === 'draft' || attempt?.outcome === 'paid';
  const saves = is_settled && start.save_default_payment_method === 'on_subscription' && start.pay_with !== null;
  const by = subscription.trial_end == null ? 'first_invoice_settled' : 'trial_begins';
  subscription = tx.put('subscription', {
    ...subscription,
    status: is_settled ? moved(subscription.status, by) : subscription.status,
    default_payment_method: saves ? (start.pay_with?.id ?? null) : subscription.default_payment_method,
    pending_setup_intent: asksForCard(subscription, start) ? openSetup(context, subscription.customer).id : null,
  });
  schedule(context, periodEnd(subscription), 'cycle', subscription.id);
  const { next_pending_invoice_item_invoice: pending_at } = subscription;
  if (pending_at != null) schedule(context, pending_at, 'pending_items', subscription.id);
  if (!is_settled) schedule(context, tx.now + INCOMPLETE_HOURS * 3_600, 'expire_incomplete', subscription.id);
  emit(context, 'customer.subscription.created', renderSubscription(tx, subscription));
  announceTrialEnd(context, subscription);
  return { subscription, attempt };
}
