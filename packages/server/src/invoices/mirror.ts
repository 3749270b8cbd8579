import type { Tx } from '../db/database.ts';
import { createId } from '../lib/id.ts';
import type { Clock } from '../ports.ts';
import { type InvoiceRow, type MirrorInvoice, invoiceByStripeId, replaceLines, upsertInvoice } from './store.ts';

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
    for (const { lines, stripe_subscription_id, ...invoice } of seen) {
      const before = await invoiceByStripeId(tx, invoice.stripe_invoice_id);
      if (before !== null && isBackward(before.status, invoice.status)) continue;
      const now = deps.clock.now();
      const written = await upsertInvoice(tx, {
        ...invoice,
        id: before?.id ?? createId('invc', now),
        customer_id: customerId,
        subscription_id: stripe_subscription_id === null ? null : (subscriptionIds.get(stripe_subscription_id) ?? null),
        created_at: before?.created_at ?? invoice.stripe_created_at,
        fetched_at: fetchedAt,
      });
      if (written === null) continue;
      await replaceLines(tx, written.id, lines);
      changes.push({ before, after: written });
      if (written.status === 'open') open.unshift(written);
      if (written.status === 'paid' && before?.status !== 'paid') newlyPaid.push({ row: written, lines });
    }
    return { newly_paid: newlyPaid, changes, open };
  };
}

/** draft → open → uncollectible → paid | void: an invoice never moves to a lower rank, whatever a late read says. */
const rank: Record<string, number> = { draft: 0, open: 1, uncollectible: 2, void: 3, paid: 3 };

export function isBackward(from: string, to: string): boolean {
  return (rank[to] ?? 0) < (rank[from] ?? 0);
}
