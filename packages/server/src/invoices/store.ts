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
  kind: 'base' | 'proration' | 'overage' | 'other';
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

export async function invoiceByStripeId(db: Reader, stripeInvoiceId: string): Promise<InvoiceRow | null> {
  return (
    (await db.selectFrom('invoice').selectAll().where('stripe_invoice_id', '=', stripeInvoiceId).executeTakeFirst()) ??
    null
  );
}

export async function invoiceById(db: Reader, id: string): Promise<InvoiceRow | null> {
  return (await db.selectFrom('invoice').selectAll().where('id', '=', id).executeTakeFirst()) ?? null;
}

/** Inserts, or writes over an older read; null when the row there is newer. */
export async function upsertInvoice(db: Reader, row: InvoiceRow & { fetched_at: Date }): Promise<InvoiceRow | null> {
  const { id: _id, created_at: _created, ...changes } = row;
  const written = await db
    .insertInto('invoice')
    .values(row)
    .onConflict((conflict) =>
      conflict.column('stripe_invoice_id').doUpdateSet(changes).where('invoice.fetched_at', '<=', row.fetched_at),
    )
    .returningAll()
    .executeTakeFirst();
  return written ?? null;
}

export async function replaceLines(db: Reader, invoiceId: string, lines: readonly MirrorLine[]): Promise<void> {
  await db.deleteFrom('invoice_line').where('invoice_id', '=', invoiceId).execute();
  if (lines.length === 0) return;
  await db
    .insertInto('invoice_line')
    .values(lines.map((line, position) => ({ ...line, invoice_id: invoiceId, position })))
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

/** What one customer owes on invoices that are final and open. */
export async function openInvoicesOf(db: Reader, customerId: string) {
  const rows = await db
    .selectFrom('invoice')
    .select(['subscription_id', 'currency', 'amount_due_minor', 'amount_paid_minor', 'payment_state'])
    .where('customer_id', '=', customerId)
    .where('status', '=', 'open')
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
