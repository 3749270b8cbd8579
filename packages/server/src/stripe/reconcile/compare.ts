import { type Instant, type Sold, chooseBases, isBase } from '@farebox/core';

/** What is here and at Stripe and should be the same. Each kind has one sentence and one repair. */
export const divergenceKinds = [
  'missing_customer',
  'vanished_customer',
  'duplicate_customer',
  'orphan_subscription',
  'duplicate_subscription',
  'extra_entitlement',
  'stale_status',
  'wrong_quantity',
  'wrong_terms',
  'currency_mismatch',
  'missing_invoice',
  'stale_invoice',
  'stale_charge',
  'usage_not_billed',
  'usage_billed_twice',
  'archived_price',
  'webhook_disabled',
  'undelivered_event',
] as const;
export type DivergenceKind = (typeof divergenceKinds)[number];

/** `sync`: the customer is read from Stripe again. Null: only a person can decide. */
export type Repair = 'link' | 'sync' | 'bill' | 'sell' | 'listen' | 'backfill';

export interface Divergence {
  kind: DivergenceKind;
  customer_id: string | null;
  /** Stripe's id of what differs. */
  object_id: string;
  /** One sentence for an operator. */
  detail: string;
  repair: Repair | null;
}

/** As long as Stripe keeps events. */
const usualLookBackMs = 30 * 86_400_000;
/** What happened while the last comparison read. */
const overlapMs = 86_400_000;

/**
 * From when on charges, invoices and usage are compared. Where nothing was for longer than usual, one comparison reaches back to the
 * last one, or to the beginning: Stripe has the events of that time no more.
 */
export function comparedFrom(now: Instant, last: Instant): Instant {
  return Math.min(now - usualLookBackMs, last - overlapMs);
}

export interface LocalSubscription {
  customer_id: string;
  stripe_subscription_id: string;
  status: string;
  /** A second sale that is undone. */
  superseded: boolean;
  quantity: number;
  stripe_price_id: string | null;
  /** `price_…*2`, sorted, joined by `+`. */
  add_ons: string;
  currency: string;
  current_period_end_at: Date;
  cancel_at: Date | null;
  trial_end_at: Date | null;
  /** Names, sorted, joined by `+`. */
  discounts: string;
  /** What it is to become: `price_…*2 2026-03-01T00:00:00.000Z`. */
  scheduled: string | null;
  /** What it is paid with. */
  stripe_payment_method_id: string | null;
}

export interface RemoteSubscription {
  stripe_subscription_id: string;
  stripe_customer_id: string;
  /** Of its plan; null for what no plan here is sold at. */
  group: string | null;
  status: string;
  created_at: Instant;
  quantity: number;
  stripe_price_id: string;
  /** As of ours. */
  add_ons: string;
  currency: string;
  current_period_end_at: Date;
  cancel_at: Date | null;
  trial_end_at: Date | null;
  /** Names, sorted, joined by `+`. */
  discounts: string;
  /** What it is to become: `price_…*2 2026-03-01T00:00:00.000Z`. */
  scheduled: string | null;
  /** What it is paid with. */
  stripe_payment_method_id: string | null;
}

export interface LocalInvoice {
  customer_id: string;
  stripe_invoice_id: string;
  status: string;
  total_minor: number;
  amount_paid_minor: number;
}

export interface RemoteInvoice {
  stripe_invoice_id: string;
  stripe_customer_id: string;
  status: string;
  total_minor: number;
  amount_paid_minor: number;
}

/** A charge, as it is told from one that was given back, disputed or never seen. */
export interface ComparedCharge {
  id: string;
  status: string;
  amount_refunded_minor: number;
  dispute_status: string | null;
}

export interface LocalCustomer {
  id: string;
  stripe_customer_id: string | null;
}

export interface RemoteCustomer {
  stripe_customer_id: string;
  /** Whom its metadata names. */
  customer_id: string;
}

export interface BilledReport {
  id: string;
  customer_id: string;
  amount_minor: number;
}

const entitling: ReadonlySet<string> = new Set(['active', 'trialing', 'past_due']);
const over: ReadonlySet<string> = new Set(['canceled', 'incomplete_expired']);

/** Customers: each of ours has at most one at Stripe, and knows it. */
export function compareCustomers(local: readonly LocalCustomer[], remote: readonly RemoteCustomer[]): Divergence[] {
  const here = new Map(local.map((row) => [row.id, row]));
  const atStripe = new Set(remote.map((each) => each.stripe_customer_id));
  const found: Divergence[] = [];
  const claimed = new Set(local.flatMap(({ id, stripe_customer_id }) => (stripe_customer_id === null ? [] : [id])));
  for (const { stripe_customer_id: object_id, customer_id } of remote) {
    const row = here.get(customer_id);
    if (row?.stripe_customer_id === object_id) continue;
    const about = { object_id, customer_id: row?.id ?? null };
    if (row === undefined) {
      const detail = `${object_id} at Stripe names the customer ${customer_id}, which is not here.`;
      found.push({ ...about, kind: 'missing_customer', detail, repair: null });
    } else if (claimed.has(customer_id)) {
      const detail = `${object_id} is a second customer of ${customer_id} at Stripe, beside ${row.stripe_customer_id ?? 'another'}.`;
      found.push({ ...about, kind: 'duplicate_customer', detail, repair: null });
    } else {
      claimed.add(customer_id);
      const detail = `${object_id} at Stripe is ${customer_id}, who is not linked to it here.`;
      found.push({ ...about, kind: 'missing_customer', detail, repair: 'link' });
    }
  }
  for (const { id, stripe_customer_id } of local) {
    if (stripe_customer_id === null || atStripe.has(stripe_customer_id)) continue;
    const detail = `${id} is linked to ${stripe_customer_id}, which Stripe no longer has.`;
    found.push({ kind: 'vanished_customer', customer_id: id, object_id: stripe_customer_id, detail, repair: 'sync' });
  }
  return found;
}

/** Subscriptions: what somebody may use here is what Stripe says they pay for. */
export function compareSubscriptions(
  local: readonly LocalSubscription[],
  remote: readonly RemoteSubscription[],
  ownerOf: (stripeCustomerId: string) => string | null,
): Divergence[] {
  const here = new Map(local.map((row) => [row.stripe_subscription_id, row]));
  const atStripe = new Set(remote.map((each) => each.stripe_subscription_id));
  const found: Divergence[] = [];
  for (const theirs of remote) {
    const ours = here.get(theirs.stripe_subscription_id);
    if (ours !== undefined) found.push(...differences(ours, theirs));
    else if (!over.has(theirs.status)) {
      const detail = `${theirs.stripe_subscription_id} is ${theirs.status} at Stripe and not known here.`;
      const customer_id = ownerOf(theirs.stripe_customer_id);
      const repair = customer_id === null ? null : 'sync';
      found.push({
        kind: 'orphan_subscription',
        customer_id,
        object_id: theirs.stripe_subscription_id,
        detail,
        repair,
      });
    }
  }
  for (const ours of local) {
    if (atStripe.has(ours.stripe_subscription_id) || !entitling.has(ours.status)) continue;
    const { customer_id, stripe_subscription_id: object_id } = ours;
    const detail = `${object_id} gives access here as ${ours.status}, and Stripe does not have it.`;
    found.push({ kind: 'extra_entitlement', customer_id, object_id, detail, repair: 'sync' });
  }
  return found;
}

/** A customer has one live subscription at Stripe in each group of plans: a second one is a second sale of the same thing. */
export function compareGroups(
  local: readonly Pick<LocalSubscription, 'stripe_subscription_id' | 'status' | 'superseded'>[],
  remote: readonly Pick<
    RemoteSubscription,
    'stripe_subscription_id' | 'stripe_customer_id' | 'group' | 'status' | 'created_at'
  >[],
  ownerOf: (stripeCustomerId: string) => string | null,
): Divergence[] {
  const basesHere = new Set(local.filter(isBase).map((row) => row.stripe_subscription_id));
  const byOwner = new Map<string, Sold[]>();
  for (const { stripe_subscription_id: id, stripe_customer_id, group, status, created_at } of remote) {
    const owner = ownerOf(stripe_customer_id);
    if (owner === null || group === null) continue;
    const own = byOwner.get(owner) ?? [];
    byOwner.set(owner, [...own, { id, group, status, created_at, entitles_here: basesHere.has(id) }]);
  }
  return [...byOwner].flatMap(([customer_id, sold]) => {
    const { bases, duplicates } = chooseBases(sold);
    const groupOf = (id: string) => sold.find((each) => each.id === id)?.group ?? '';
    return duplicates.map((object_id): Divergence => {
      const base = bases.find((id) => groupOf(id) === groupOf(object_id)) ?? 'another';
      const detail = `${object_id} is a second live subscription of ${customer_id} in the group "${groupOf(object_id)}", beside ${base}.`;
      return { kind: 'duplicate_subscription', customer_id, object_id, detail, repair: 'sync' };
    });
  });
}

function differences(ours: LocalSubscription, theirs: RemoteSubscription): Divergence[] {
  const { customer_id, stripe_subscription_id: object_id } = ours;
  const about = { customer_id, object_id, repair: 'sync' } as const;
  if (ours.currency !== theirs.currency) {
    const detail = `${object_id} is billed in ${theirs.currency} at Stripe, and its plan here is in ${ours.currency}.`;
    return [{ ...about, kind: 'currency_mismatch', detail, repair: null }];
  }
  if (ours.status !== theirs.status) {
    const kind = entitling.has(ours.status) && over.has(theirs.status) ? 'extra_entitlement' : 'stale_status';
    return [{ ...about, kind, detail: `${object_id} is ${theirs.status} at Stripe and ${ours.status} here.` }];
  }
  if (ours.quantity !== theirs.quantity) {
    const detail = `${object_id} is for ${theirs.quantity} at Stripe and for ${ours.quantity} here.`;
    return [{ ...about, kind: 'wrong_quantity', detail }];
  }
  if (ours.stripe_price_id !== theirs.stripe_price_id) {
    const detail = `${object_id} is on ${theirs.stripe_price_id} at Stripe and on ${ours.stripe_price_id ?? 'none'} here.`;
    return [{ ...about, kind: 'wrong_terms', detail }];
  }
  if (ours.add_ons !== theirs.add_ons) {
    const detail = `${object_id} has the add-ons ${theirs.add_ons || 'none'} at Stripe and ${ours.add_ons || 'none'} here.`;
    return [{ ...about, kind: 'wrong_terms', detail }];
  }
  const others = Object.entries(terms).filter(([, of]) => of(ours) !== of(theirs));
  if (others.length === 0) return [];
  const detail = `${object_id} differs from Stripe in ${others.map(([name, of]) => `${name} (there ${of(theirs) ?? 'none'}, here ${of(ours) ?? 'none'})`).join(', ')}.`;
  return [{ ...about, kind: 'wrong_terms', detail }];
}

type Terms = Pick<
  LocalSubscription,
  'current_period_end_at' | 'cancel_at' | 'trial_end_at' | 'discounts' | 'scheduled' | 'stripe_payment_method_id'
>;

/** What else was agreed, each with how it is told from another. */
const terms: Record<string, (of: Terms) => string | null> = {
  'the end of its period': (of) => of.current_period_end_at.toISOString(),
  'its end': (of) => of.cancel_at?.toISOString() ?? null,
  'the end of its trial': (of) => of.trial_end_at?.toISOString() ?? null,
  'its discounts': (of) => of.discounts || null,
  'what it is to become': (of) => of.scheduled,
  'its card': (of) => of.stripe_payment_method_id,
};

/** Invoices: each of our subscriptions' is here, with the state and the money that Stripe says. */
export function compareInvoices(
  local: readonly LocalInvoice[],
  remote: readonly RemoteInvoice[],
  ownerOf: (stripeCustomerId: string) => string | null,
): Divergence[] {
  const here = new Map(local.map((row) => [row.stripe_invoice_id, row]));
  return remote.flatMap((theirs): Divergence[] => {
    const { stripe_invoice_id: object_id } = theirs;
    const ours = here.get(object_id);
    if (ours === undefined) {
      const customer_id = ownerOf(theirs.stripe_customer_id);
      const detail = `The invoice ${object_id} is ${theirs.status} at Stripe and not known here.`;
      return [
        { kind: 'missing_invoice', customer_id, object_id, detail, repair: customer_id === null ? null : 'sync' },
      ];
    }
    const isEqual =
      ours.status === theirs.status &&
      ours.total_minor === theirs.total_minor &&
      ours.amount_paid_minor === theirs.amount_paid_minor;
    if (isEqual) return [];
    const detail = `The invoice ${object_id} is ${theirs.status} with ${theirs.amount_paid_minor} of ${theirs.total_minor} paid at Stripe, and ${ours.status} with ${ours.amount_paid_minor} of ${ours.total_minor} here.`;
    return [{ kind: 'stale_invoice', customer_id: ours.customer_id, object_id, detail, repair: 'sync' }];
  });
}

/** Charges: each is here, with what was given back of it and whether it is disputed. */
export function compareCharges(
  local: readonly ComparedCharge[],
  remote: readonly (ComparedCharge & { stripe_customer_id: string })[],
  ownerOf: (stripeCustomerId: string) => string | null,
): Divergence[] {
  const here = new Map(local.map((row) => [row.id, sayCharge(row)]));
  return remote.flatMap((theirs): Divergence[] => {
    const [ours, there] = [here.get(theirs.id), sayCharge(theirs)];
    const customer_id = ownerOf(theirs.stripe_customer_id);
    if (ours === there || customer_id === null) return [];
    const detail = `The charge ${theirs.id} is ${there} at Stripe, and ${ours ?? 'not known'} here.`;
    return [{ kind: 'stale_charge', customer_id, object_id: theirs.id, detail, repair: 'sync' }];
  });
}

function sayCharge({ status, amount_refunded_minor, dispute_status }: ComparedCharge): string {
  const dispute = dispute_status === null ? 'no dispute' : `a dispute that is ${dispute_status}`;
  return `${status} with ${amount_refunded_minor} given back and ${dispute}`;
}

/** Usage: what was reported as billed stands on an invoice, once. `billed`: what Stripe's lines of a report sum to. */
export function compareUsage(reports: readonly BilledReport[], billed: ReadonlyMap<string, number>): Divergence[] {
  return reports.flatMap(({ id, customer_id, amount_minor }): Divergence[] => {
    const there = billed.get(id) ?? 0;
    if (there === amount_minor) return [];
    const detail = `Of the usage ${id}, worth ${amount_minor}, lines of ${there} are at Stripe.`;
    // What was given back is below nothing on both sides.
    const isMore = Math.abs(there) > Math.abs(amount_minor);
    const kind = isMore ? 'usage_billed_twice' : 'usage_not_billed';
    return [{ kind, customer_id, object_id: id, detail, repair: isMore ? null : 'bill' }];
  });
}
