import type Stripe from 'stripe';
import type { WholeApp } from '../packages/server/test/whole-app.ts';

/**
 * Everything the database has of a customer's subscriptions, invoices, lines and charges against what Stripe's API answers,
 * field by field, and what the program's own reconciliation says.
 */
export async function compareWithStripe(given: {
  whole: WholeApp;
  stripeCustomer: string;
  customer_id: string;
}): Promise<string[]> {
  const { whole } = given;
  const faults = [
    ...(await compareSubscriptions(given)),
    ...(await compareInvoices(given)),
    ...(await compareCharges(given)),
  ];
  const { found } = await whole.app.stripe.reconcile({ repair: false });
  return [...faults, ...found.map(({ detail }) => `reconciliation: ${detail}`)];
}

type Given = Parameters<typeof compareWithStripe>[0];
type Facts = Record<string, string | number | null>;

async function compareSubscriptions({ whole, stripeCustomer, customer_id }: Given): Promise<string[]> {
  const rows = await whole.db.kysely
    .selectFrom('subscription')
    .innerJoin('plan_price', 'plan_price.id', 'subscription.plan_price_id')
    .selectAll('subscription')
    .select('plan_price.stripe_price_id')
    .where('customer_id', '=', customer_id)
    .execute();
  const here = rows.map((row): [string, Facts] => [
    row.stripe_subscription_id,
    {
      status: row.status,
      price: row.stripe_price_id,
      quantity: row.quantity,
      anchor: second(row.billing_anchor_at),
      start: second(row.current_period_start_at),
      end: second(row.current_period_end_at),
      cancel_at: second(row.cancel_at),
      canceled_at: second(row.canceled_at),
      ended_at: second(row.ended_at),
      trial_end: second(row.trial_end_at),
      reason: row.cancel_reason,
      discounts: JSON.stringify(namesOf(row.discounts)),
      paused: row.paused_at === null ? 0 : 1,
    },
  ]);
  const list = whole.stripe.subscriptions.list({
    customer: stripeCustomer,
    status: 'all',
    expand: ['data.discounts.source.coupon'],
  });
  const there = (await list.autoPagingToArray({ limit: 100 })).map((each): [string, Facts] => {
    const [item] = each.items.data;
    return [
      each.id,
      {
        status: each.status,
        price: item?.price.id ?? null,
        quantity: item?.quantity ?? null,
        anchor: each.billing_cycle_anchor,
        start: item?.current_period_start ?? null,
        end: item?.current_period_end ?? null,
        cancel_at: each.cancel_at,
        canceled_at: each.canceled_at,
        ended_at: each.ended_at,
        trial_end: each.trial_end,
        reason: each.cancellation_details?.feedback ?? null,
        discounts: JSON.stringify(each.discounts.map(couponName)),
        paused: each.status === 'paused' ? 1 : 0,
      },
    ];
  });
  return differences('subscription', here, there);
}

async function compareInvoices({ whole, stripeCustomer, customer_id }: Given): Promise<string[]> {
  const { kysely } = whole.db;
  const rows = await kysely.selectFrom('invoice').selectAll().where('customer_id', '=', customer_id).execute();
  const lines = await kysely.selectFrom('invoice_line').selectAll().execute();
  const here = rows.map((row): [string, Facts] => [
    row.stripe_invoice_id,
    {
      status: row.status,
      number: row.number,
      reason: row.billing_reason,
      subtotal: row.subtotal_minor,
      total: row.total_minor,
      due: row.amount_due_minor,
      paid: row.amount_paid_minor,
      attempts: row.attempt_count,
      next_attempt: second(row.next_attempt_at),
      lines: linesText(
        lines
          .filter((line) => line.invoice_id === row.id)
          .map((line) => [
            line.stripe_line_id,
            line.amount_minor,
            second(line.period_start_at),
            second(line.period_end_at),
          ]),
      ),
    },
  ]);
  const there: [string, Facts][] = [];
  for await (const each of whole.stripe.invoices.list({ customer: stripeCustomer, limit: 100 })) {
    const { data } = await whole.stripe.invoices.listLineItems(each.id, { limit: 100 });
    there.push([
      each.id,
      {
        status: each.status,
        number: each.number,
        reason: each.billing_reason,
        subtotal: each.subtotal,
        total: each.total,
        due: each.amount_due,
        paid: each.amount_paid,
        attempts: each.attempt_count,
        next_attempt: each.next_payment_attempt,
        lines: linesText(data.map((line) => [line.id, line.amount, line.period.start, line.period.end])),
      },
    ]);
  }
  return differences('invoice', here, there);
}

async function compareCharges({ whole, stripeCustomer, customer_id }: Given): Promise<string[]> {
  const rows = await whole.db.kysely
    .selectFrom('stripe_charge')
    .selectAll()
    .where('customer_id', '=', customer_id)
    .execute();
  const here = rows.map((row): [string, Facts] => [
    row.id,
    { status: row.status, amount: row.amount_minor, refunded: row.amount_refunded_minor },
  ]);
  const charges = await whole.stripe.charges.list({ customer: stripeCustomer, limit: 100 });
  const there = charges.data.map((each): [string, Facts] => [
    each.id,
    { status: each.status, amount: each.amount, refunded: each.amount_refunded },
  ]);
  return differences('charge', here, there);
}

function differences(what: string, here: readonly [string, Facts][], there: readonly [string, Facts][]): string[] {
  const local = new Map(here);
  const remote = new Map(there);
  return [...new Set([...local.keys(), ...remote.keys()])].flatMap((id) => {
    const [ours, theirs] = [local.get(id), remote.get(id)];
    if (ours === undefined) return [`the ${what} ${id} is at Stripe and not here`];
    if (theirs === undefined) return [`the ${what} ${id} is here and not at Stripe`];
    return Object.keys(ours)
      .filter((field) => ours[field] !== theirs[field])
      .map((field) => `${field} of the ${what} ${id} is ${ours[field]} here and ${theirs[field]} at Stripe`);
  });
}

function linesText(lines: (string | number | null)[][]): string {
  return lines
    .map((line) => line.join(' '))
    .toSorted()
    .join(', ');
}

function namesOf(discounts: unknown): string[] {
  return Array.isArray(discounts) ? discounts.map((each: { name: string }) => each.name) : [];
}

function couponName(discount: string | Stripe.Discount): string {
  const coupon = typeof discount === 'string' ? null : discount.source.coupon;
  return coupon === null || typeof coupon === 'string' ? '' : (coupon.name ?? '');
}

function second(at: Date | null): number | null {
  return at === null ? null : Math.floor(at.getTime() / 1000);
}
