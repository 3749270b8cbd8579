import type { Tx } from '../db/database.ts';
import { holds } from '../lib/holds.ts';
import { createId } from '../lib/id.ts';
import type { Clock } from '../ports.ts';
import { type InvoiceRow, type MirrorInvoice, invoicesByStripeIds, replaceLines, upsertInvoices } from './store.ts';

export interface InvoiceMirrorResult {
  /** Invoices that this mirror saw become paid; each is told once. */
  newly_paid: { row: InvoiceRow; lines: MirrorInvoice['lines'] }[];
  /** Invoices of which this read said something new, each with what it was. */
  changes: { before: InvoiceRow | null; after: InvoiceRow }[];
  /** Invoices that are to be paid, oldest first. */
  open: InvoiceRow[];
}

/**
 * Writes what Stripe says of one customer's invoices that is not known. Idempotent; an older read never overwrites a newer
 * one, and an invoice that is paid, void or uncollectible does not go back to draft or open.
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
    const rows = forward.flatMap((each) => {
      const { lines: _, stripe_subscription_id, ...invoice } = each;
      const before = known.get(invoice.stripe_invoice_id);
      const values = {
        ...invoice,
        customer_id: customerId,
        subscription_id: stripe_subscription_id === null ? null : (subscriptionIds.get(stripe_subscription_id) ?? null),
      };
      if (before !== undefined && isFinal(before) && holds(before, values)) return [];
      const id = before?.id ?? createId('invc', now);
      return { ...values, id, created_at: before?.created_at ?? invoice.stripe_created_at, fetched_at: fetchedAt };
    });
    const written = new Map((await upsertInvoices(tx, rows)).map((row) => [row.stripe_invoice_id, row]));
    const charged = new Map<string, MirrorInvoice['lines']>();
    for (const { stripe_invoice_id, lines } of forward) {
      const before = known.get(stripe_invoice_id) ?? null;
      const row = written.get(stripe_invoice_id);
      const current = row ?? before;
      if (current?.status === 'open') open.unshift(current);
      if (row === undefined) continue;
      charged.set(row.id, lines);
      changes.push({ before, after: row });
      if (row.status === 'paid' && before?.status !== 'paid') newlyPaid.push({ row, lines });
    }
    await replaceLines(tx, charged);
    return { newly_paid: newlyPaid, changes, open };
  };
}

/** Of a draft the lines may change while its sums stay as they are; later they never do. */
function isFinal({ status }: InvoiceRow): boolean {
  return status !== 'draft';
}

/** draft → open → uncollectible → paid | void: an invoice never moves to a lower rank, whatever a late read says. */
const rank: Record<string, number> = { draft: 0, open: 1, uncollectible: 2, void: 3, paid: 3 };

export function isBackward(from: string, to: string): boolean {
  return (rank[to] ?? 0) < (rank[from] ?? 0);
}
