import type { Reader } from '../db/database.ts';

/** What Stripe says of one invoice, in our words. */
export interface MirrorInvoice {
  stripe_invoice_id: string;
  stripe_subscription_id: string | null;
  number: string | null;
  status: string;
  billing_reason: string | null;
  currency: string;
  subtotal_minor: number;
  total_minor: number;
  amount_due_minor: number;
  amount_paid_minor: number;
  discount_minor: number;
  tax_minor: number;
  /** By credit notes after the payment. */
  credited_minor: number;
  attempt_count: number;
  next_attempt_at: Date | null;
  /** Why an open invoice is not paid: `none`, `action_required` or `declined`. */
  payment_state: string;
  failure_reason: string | null;
  period_start_at: Date;
  period_end_at: Date;
  hosted_url: string | null;
  pdf_url: string | null;
  finalized_at: Date | null;
  paid_at: Date | null;
  stripe_created_at: Date;
  lines: MirrorLine[];
}

export interface MirrorLine {
  stripe_line_id: string;
  kind: 'base' | 'proration' | 'overage' | 'minimum' | 'credit' | 'correction' | 'cap' | 'other';
  description: string;
  quantity: number | null;
  /** Minor units, of an overage. */
  unit_price_decimal: string | null;
  amount_minor: number;
  period_start_at: Date;
  period_end_at: Date;
  /** The report of usage that it bills. */
  usage_report_id: string | null;
  /** The price that it charges, a part of it or gives it back. */
  stripe_price_id: string | null;
}

export type InvoiceRow = Omit<MirrorInvoice, 'lines' | 'stripe_subscription_id'> & {
  id: string;
  customer_id: string;
  subscription_id: string | null;
  created_at: Date;
};

export interface LineRow extends Omit<MirrorLine, 'kind'> {
  invoice_id: string;
  position: number;
  kind: string;
}

/** Those of these that there are, by Stripe's ids. */
export async function invoicesByStripeIds(db: Reader, stripeIds: readonly string[]): Promise<Map<string, InvoiceRow>> {
  if (stripeIds.length === 0) return new Map();
  const rows = await db.selectFrom('invoice').selectAll().where('stripe_invoice_id', 'in', stripeIds).execute();
  return new Map(rows.map((row) => [row.stripe_invoice_id, row]));
}

export async function invoiceById(db: Reader, id: string): Promise<InvoiceRow | null> {
  return (await db.selectFrom('invoice').selectAll().where('id', '=', id).executeTakeFirst()) ?? null;
}

/** Inserts, or writes over an older read. Answers what it wrote: a row that is newer stays as it is. */
export async function upsertInvoices(
  db: Reader,
  rows: readonly (InvoiceRow & { fetched_at: Date })[],
): Promise<InvoiceRow[]> {
  if (rows.length === 0) return [];
  return await db
    .insertInto('invoice')
    .values([...rows])
    .onConflict((conflict) =>
      conflict
        .column('stripe_invoice_id')
        .doUpdateSet((eb) => ({
          customer_id: eb.ref('excluded.customer_id'),
          subscription_id: eb.ref('excluded.subscription_id'),
          number: eb.ref('excluded.number'),
          status: eb.ref('excluded.status'),
          billing_reason: eb.ref('excluded.billing_reason'),
          currency: eb.ref('excluded.currency'),
          subtotal_minor: eb.ref('excluded.subtotal_minor'),
          total_minor: eb.ref('excluded.total_minor'),
          amount_due_minor: eb.ref('excluded.amount_due_minor'),
          amount_paid_minor: eb.ref('excluded.amount_paid_minor'),
          discount_minor: eb.ref('excluded.discount_minor'),
          tax_minor: eb.ref('excluded.tax_minor'),
          credited_minor: eb.ref('excluded.credited_minor'),
          attempt_count: eb.ref('excluded.attempt_count'),
          next_attempt_at: eb.ref('excluded.next_attempt_at'),
          payment_state: eb.ref('excluded.payment_state'),
          failure_reason: eb.ref('excluded.failure_reason'),
          period_start_at: eb.ref('excluded.period_start_at'),
          period_end_at: eb.ref('excluded.period_end_at'),
          hosted_url: eb.ref('excluded.hosted_url'),
          pdf_url: eb.ref('excluded.pdf_url'),
          finalized_at: eb.ref('excluded.finalized_at'),
          paid_at: eb.ref('excluded.paid_at'),
          stripe_created_at: eb.ref('excluded.stripe_created_at'),
          fetched_at: eb.ref('excluded.fetched_at'),
        }))
        .whereRef('invoice.fetched_at', '<=', 'excluded.fetched_at'),
    )
    .returningAll()
    .execute();
}

/** Lines that one statement writes: each is a dozen of the 65,535 values that a statement may have. */
const linesAtOnce = 1_000;

/** Writes what each invoice charges in the place of what was there. */
export async function replaceLines(db: Reader, of: ReadonlyMap<string, readonly MirrorLine[]>): Promise<void> {
  if (of.size === 0) return;
  await db
    .deleteFrom('invoice_line')
    .where('invoice_id', 'in', [...of.keys()])
    .execute();
  const rows = [...of].flatMap(([invoice_id, lines]) =>
    lines.map((line, position) => ({ ...line, invoice_id, position })),
  );
  for (let at = 0; at < rows.length; at += linesAtOnce)
    await db
      .insertInto('invoice_line')
      .values(rows.slice(at, at + linesAtOnce))
      .execute();
}

/** A page of invoices, newest first; of one customer or of all. */
export async function listInvoices(
  db: Reader,
  page: { customer_id: string | null; limit: number; after: { created_at: Date; id: string } | null },
): Promise<InvoiceRow[]> {
  let query = db
    .selectFrom('invoice')
    .selectAll()
    .orderBy('created_at', 'desc')
    .orderBy('id', 'desc')
    .limit(page.limit);
  if (page.customer_id !== null) query = query.where('customer_id', '=', page.customer_id);
  const after = page.after;
  if (after !== null) {
    query = query.where((eb) =>
      eb.or([
        eb('created_at', '<', after.created_at),
        eb.and([eb('created_at', '=', after.created_at), eb('id', '<', after.id)]),
      ]),
    );
  }
  return await query.execute();
}

export async function linesOf(db: Reader, invoiceIds: readonly string[]): Promise<LineRow[]> {
  if (invoiceIds.length === 0) return [];
  return await db
    .selectFrom('invoice_line')
    .select([
      'invoice_id',
      'position',
      'kind',
      'description',
      'quantity',
      'unit_price_decimal',
      'amount_minor',
      'period_start_at',
      'period_end_at',
      'stripe_line_id',
      'usage_report_id',
      'stripe_price_id',
    ])
    .where('invoice_id', 'in', invoiceIds)
    .orderBy('invoice_id')
    .orderBy('position')
    .execute();
}

/** Customers with an invoice that Stripe has still to finalize or collect. */
export async function customersWithUnsettledInvoice(db: Reader, limit: number): Promise<string[]> {
  const rows = await db
    .selectFrom('invoice')
    .select('customer_id')
    .distinct()
    .where('status', 'in', ['draft', 'open'])
    .limit(limit)
    .execute();
  return rows.map((row) => row.customer_id);
}

/** One customer's invoices that Stripe has still to finalize or collect. */
export async function unsettledInvoicesOf(
  db: Reader,
  customerId: string,
): Promise<{ id: string; stripe_invoice_id: string }[]> {
  return await db
    .selectFrom('invoice')
    .select(['id', 'stripe_invoice_id'])
    .where('customer_id', '=', customerId)
    .where('status', 'in', ['draft', 'open'])
    .execute();
}

/** What one customer owes on invoices that are final and open. One of a top-up, without a subscription, is not owed. */
export async function openInvoicesOf(db: Reader, customerId: string) {
  const rows = await db
    .selectFrom('invoice')
    .select(['subscription_id', 'currency', 'amount_due_minor', 'amount_paid_minor', 'payment_state'])
    .where('customer_id', '=', customerId)
    .where('status', '=', 'open')
    .where('subscription_id', 'is not', null)
    .orderBy('created_at')
    .execute();
  return rows.map(({ subscription_id, currency, amount_due_minor, amount_paid_minor, payment_state }) => ({
    subscription_id,
    currency,
    amount_minor: amount_due_minor - amount_paid_minor,
    action_required: payment_state === 'action_required',
  }));
}

/** Drafts that Stripe no longer has. An invoice that was finalized cannot vanish and stays. */
export async function deleteDrafts(db: Reader, ids: readonly string[]): Promise<void> {
  if (ids.length === 0) return;
  await db.deleteFrom('invoice').where('id', 'in', ids).where('status', '=', 'draft').execute();
}

/** Every invoice, as it is compared with Stripe. */
export async function invoicesOfAll(db: Reader) {
  return await db
    .selectFrom('invoice')
    .select(['customer_id', 'stripe_invoice_id', 'status', 'total_minor', 'amount_paid_minor'])
    .execute();
}
