import type { Tx } from '../db/database.ts';
import { createId } from '../lib/id.ts';
import type { Clock } from '../ports.ts';
import { type InvoiceRow, type MirrorInvoice, invoicesByStripeIds, replaceLines, upsertInvoices } from './store.ts';

export interface InvoiceMirrorResult {
  /** Invoices that this mirror saw become paid; each is told once. */
  newly_paid: { row: InvoiceRow; lines: MirrorInvoice['lines'] }[];
  /** Invoices that this read wrote, each with what it was. */
  changes: { before: InvoiceRow | null; after: InvoiceRow }[];
  /** Invoices that are to be paid, oldest first. */
  open: InvoiceRow[];
}

/**
 * Writes what Stripe says of one customer's invoices. Idempotent; an older read never overwrites a newer one, and an
 * invoice that is paid, void or uncollectible does not go back to draft or open.
 */
export function createInvoiceMirror(deps: { clock: Clock }) {
  return async function mirror(
    tx: Tx,
    customerId: string,
    seen: readonly MirrorInvoice[],
    subscriptionIds: ReadonlyMap<string, string>,
    fetchedAt: Date,
  ): Promise<InvoiceMirrorResult> {
    const newlyPaid: InvoiceMirrorResult['newly_paid'] = [];
    const open: InvoiceRow[] = [];
    const changes: InvoiceMirrorResult['changes'] = [];
    const known = await invoicesByStripeIds(
      tx,
      seen.map(({ stripe_invoice_id }) => stripe_invoice_id),
    );
    const now = deps.clock.now();
    const forward = seen.filter(({ stripe_invoice_id, status }) => {
      const before = known.get(stripe_invoice_id);
      return before === undefined || !isBackward(before.status, status);
    });
    const rows = forward.map((each) => {
      const { lines: _, stripe_subscription_id, ...invoice } = each;
      const before = known.get(invoice.stripe_invoice_id);
      return {
        ...invoice,
        id: before?.id ?? createId('invc', now),
        customer_id: customerId,
        subscription_id: stripe_subscription_id === null ? null : (subscriptionIds.get(stripe_subscription_id) ?? null),
        created_at: before?.created_at ?? invoice.stripe_created_at,
        fetched_at: fetchedAt,
      };
    });
    const written = new Map((await upsertInvoices(tx, rows)).map((row) => [row.stripe_invoice_id, row]));
    const charged = new Map<string, MirrorInvoice['lines']>();
    for (const { stripe_invoice_id, lines } of forward) {
      const row = written.get(stripe_invoice_id);
      if (row === undefined) continue;
      const before = known.get(stripe_invoice_id) ?? null;
      charged.set(row.id, lines);
      changes.push({ before, after: row });
      if (row.status === 'open') open.unshift(row);
      if (row.status === 'paid' && before?.status !== 'paid') newlyPaid.push({ row, lines });
    }
    await replaceLines(tx, charged);
    return { newly_paid: newlyPaid, changes, open };
  };
}

/** draft → open → uncollectible → paid | void: an invoice never moves to a lower rank, whatever a late read says. */
const rank: Record<string, number> = { draft: 0, open: 1, uncollectible: 2, void: 3, paid: 3 };

export function isBackward(from: string, to: string): boolean {
  return (rank[to] ?? 0) < (rank[from] ?? 0);
}
