import { invalid } from '../../http/api-error.ts';
import type { InvoiceRecord } from '../../store/records.ts';
import type { Tx } from '../../store/store.ts';
import { type Context, emit, unschedule } from '../context.ts';
import { updateInvoice } from '../subscriptions/subscription-end.ts';
import { finalizeInvoice } from './collect.ts';
import { renderInvoice } from './invoice-render.ts';
import { revisionFault } from './revisions.ts';

/** Why a draft cannot become final as things are; `null` when it can. */
function faultOf(tx: Tx, draft: InvoiceRecord): string | null {
  const original = draft.from_invoice === undefined ? undefined : tx.need('invoice', draft.from_invoice);
  return original === undefined ? null : revisionFault(tx, original);
}

/** Finalizes a draft, or says why it stays one: `null` then. */
export function tryFinalize(context: Context, draft: InvoiceRecord): InvoiceRecord | null {
  const { tx, account_name } = context;
  const finalization_error = faultOf(tx, draft);
  if (finalization_error === null) return finalizeInvoice(context, draft);
  unschedule(context, 'finalize', draft.id);
  const failed = updateInvoice(context, draft, {
    automatically_finalizes_at: null,
    finalization_error,
    next_payment_attempt: null,
  });
  emit(context, 'invoice.finalization_failed', renderInvoice(tx, failed, account_name));
  return null;
}

/** Finalizes a draft for a request, which is refused when that cannot be; the draft then says why. */
export function finalizeNow(context: Context, draft: InvoiceRecord): InvoiceRecord {
  const invoice = tryFinalize(context, draft);
  if (invoice !== null) return invoice;
  const { finalization_error } = context.tx.need('invoice', draft.id);
  throw invalid(finalization_error ?? 'This invoice cannot be finalized.', { keeps_effects: true });
}
