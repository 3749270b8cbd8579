import { moved } from '../../billing/states.ts';
import type { InvoiceRecord, SubscriptionRecord } from '../../store/records.ts';
import { type Context, emit, emitUpdate, unschedule } from '../context.ts';
import { setBilling } from './pending-updates.ts';
import { renderSubscription } from './subscription-render.ts';

function waitingFor(context: Context, invoice: InvoiceRecord): SubscriptionRecord | null {
  const found = invoice.subscription === null ? undefined : context.tx.get('subscription', invoice.subscription);
  return found?.paused?.resumption?.invoice === invoice.id && found.ended_at === null ? found : null;
}

/** The invoice that going on waited for is paid, or given up: the subscription goes on. */
export function applyResumption(context: Context, invoice: InvoiceRecord): SubscriptionRecord | null {
  const { tx } = context;
  const old = waitingFor(context, invoice);
  const change = old?.paused?.resumption?.change;
  if (old === null || change === undefined) return null;
  unschedule(context, 'expire_resumption', old.id);
  const live = tx.put('subscription', { ...old, paused: null, status: moved(old.status, 'resume') });
  const resumed = setBilling(context, live, change);
  emitUpdate(context, 'customer.subscription.updated', renderSubscription(tx, old), renderSubscription(tx, resumed));
  emit(context, 'customer.subscription.resumed', renderSubscription(tx, resumed));
  return resumed;
}

/** The invoice that going on waited for is voided: the subscription stays paused. */
export function dropResumption(context: Context, invoice: InvoiceRecord): void {
  const old = waitingFor(context, invoice);
  if (old?.paused == null) return;
  unschedule(context, 'expire_resumption', old.id);
  const { at, reason } = old.paused;
  context.tx.put('subscription', { ...old, paused: { at, reason } });
}
