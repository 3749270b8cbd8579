import type Stripe from 'stripe';
import type { Wire } from '../../contract/wire.ts';
import type { InvoiceRecord, LineRecord, Seconds } from '../../store/records.ts';
import type { Tx } from '../../store/store.ts';
import type { CreditGrantRecord, CreditTransactionRecord } from '../../store/usage-records.ts';
import { type Context, emit } from '../context.ts';
import { discountedAmount } from '../invoices/invoice-amounts.ts';

type RenderedTransaction = Wire<Stripe.Billing.CreditBalanceTransaction>;

/** Renders a movement of billing credits. */
export function renderCreditTransaction(tx: Tx, moved: CreditTransactionRecord): RenderedTransaction {
  const { currency } = tx.need('credit_grant', moved.credit_grant);
  const value = Math.abs(moved.amount);
  const amount = { type: 'monetary' as const, monetary: { currency, value } };
  const details =
    moved.invoice === null || moved.invoice_line_item === null
      ? null
      : { invoice: moved.invoice, invoice_line_item: moved.invoice_line_item };
  const is_debit = moved.amount < 0;
  return {
    id: moved.id,
    object: 'billing.credit_balance_transaction',
    created: moved.created,
    credit: is_debit ? null : { amount, credits_application_invoice_voided: details, type: moved.type },
    credit_grant: moved.credit_grant,
    debit: is_debit ? { amount, credits_applied: details, type: moved.type } : null,
    effective_at: moved.effective_at,
    livemode: false,
    test_clock: tx.get('customer', tx.need('credit_grant', moved.credit_grant).customer)?.test_clock ?? null,
    type: is_debit ? 'debit' : 'credit',
  };
}

interface Movement {
  amount: number;
  type: CreditTransactionRecord['type'];
  effective_at?: Seconds;
  invoice?: string;
  line?: string;
}

/** Moves credits of a grant and says so. */
export function moveCredits(context: Context, grant: CreditGrantRecord, moved: Movement): CreditTransactionRecord {
  const { tx } = context;
  const written = tx.put('credit_transaction', {
    id: tx.newId('cbtxn_test_', 26),
    created: tx.now,
    amount: moved.amount,
    credit_grant: grant.id,
    effective_at: moved.effective_at ?? tx.now,
    invoice: moved.invoice ?? null,
    invoice_line_item: moved.line ?? null,
    type: moved.type,
  });
  emit(context, 'billing.credit_balance_transaction.created', renderCreditTransaction(tx, written));
  return written;
}

/** What is left of a grant: the sum of its movements. */
export function remainderOf(tx: Tx, grant: string): number {
  const own = tx.all('credit_transaction').filter((each) => each.credit_grant === grant);
  return own.reduce((sum, each) => sum + each.amount, 0);
}

/** Whether a grant can pay now. */
export function isUsable(grant: CreditGrantRecord, now: Seconds): boolean {
  return grant.voided_at === null && grant.effective_at <= now && (grant.expires_at === null || grant.expires_at > now);
}

/**
 * The order in which grants pay: priority, earliest expiry, promotional before paid, earliest effective, oldest.
 * https://docs.stripe.com/billing/subscriptions/usage-based/billing-credits
 */
function before(a: CreditGrantRecord, b: CreditGrantRecord): number {
  const expiry = (grant: CreditGrantRecord): number => grant.expires_at ?? Number.MAX_SAFE_INTEGER;
  const rank = (grant: CreditGrantRecord): number => (grant.category === 'promotional' ? 0 : 1);
  return (
    a.priority - b.priority ||
    expiry(a) - expiry(b) ||
    rank(a) - rank(b) ||
    a.effective_at - b.effective_at ||
    a.created - b.created
  );
}

function paysFor(tx: Tx, grant: CreditGrantRecord, line: LineRecord): boolean {
  if (line.price === null || line.currency !== grant.currency) return false;
  if (tx.get('price', line.price)?.recurring?.meter === undefined) return false;
  return grant.prices === null || grant.prices.includes(line.price);
}

/** Pays metered lines with the customer's credits: after discounts, before tax, at finalization. */
export function applyCredits(context: Context, invoice: InvoiceRecord): InvoiceRecord {
  const { tx } = context;
  const own = tx.all('credit_grant').filter((grant) => grant.customer === invoice.customer);
  const grants = own.filter((grant) => isUsable(grant, tx.now)).toSorted(before);
  if (grants.length === 0) return invoice;
  const lines = invoice.lines.map((line) => ({ ...line, credits: [...(line.credits ?? [])] }));
  for (const grant of grants) {
    let left = remainderOf(tx, grant.id);
    for (const line of lines) {
      const amount = paysFor(tx, grant, line) ? Math.min(left, discountedAmount(line)) : 0;
      if (amount <= 0) continue;
      const moved = moveCredits(context, grant, {
        amount: -amount,
        type: 'credits_applied',
        invoice: invoice.id,
        line: line.id,
      });
      line.credits.push({ amount, credit_balance_transaction: moved.id });
      left -= amount;
    }
  }
  return { ...invoice, lines };
}

/** Gives back what a voided invoice had used. */
export function reinstateCredits(context: Context, invoice: InvoiceRecord): void {
  const { tx } = context;
  for (const line of invoice.lines) {
    for (const { amount, credit_balance_transaction } of line.credits ?? []) {
      const used = tx.need('credit_transaction', credit_balance_transaction);
      moveCredits(context, tx.need('credit_grant', used.credit_grant), {
        amount,
        type: 'credits_application_invoice_voided',
        invoice: invoice.id,
        line: line.id,
      });
    }
  }
}
