import { VOIDING_SETTLES } from '../../billing/open-points.ts';
import { invalid, invalidParam, noSuch } from '../../http/api-error.ts';
import { page, pageParams, range, within } from '../../http/lists.ts';
import { emptyable, flag, inert, oneOf, type Read, text } from '../../http/params.ts';
import { route } from '../../http/route.ts';
import type { InvoiceRecord, PaymentMethodRecord } from '../../store/records.ts';
import type { Tx } from '../../store/store.ts';
import { listed } from '../../time/test-clock.ts';
import { attemptPayment, markPaid, methodFor, subscriptionOf, voidInvoice } from './collect.ts';
import { followPayment } from './follow-payment.ts';
import { type Context, schedule, unschedule } from '../context.ts';
import { finalizeNow } from './finalization.ts';
import { amountRemaining } from './invoice-amounts.ts';
import { checkFinalizesAt, draftFields, type DraftParams, fieldsOf, lateFields } from './invoice-fields.ts';
import { refuseAttached } from './invoice-payment-record.ts';
import { DRAFT_SECONDS } from './invoice-draft.ts';
import { renderInvoice } from './invoice-render.ts';
import { cardError, noMethod, resolvePaymentMethod } from '../payments/payment-methods.ts';
import { updateInvoice } from '../subscriptions/subscription-end.ts';
import { failureFields } from '../subscriptions/subscriptions.ts';

/** An invoice by the id in the path. */
export function findInvoice(tx: Tx, id: string, param = 'id'): InvoiceRecord {
  const invoice = tx.get('invoice', id);
  if (invoice === undefined) throw noSuch('invoice', id, param);
  return invoice;
}

/** Draft invoices wait in the queue of time only while they advance by themselves. */
function reschedule(context: Context, old: InvoiceRecord, params: DraftParams): Partial<InvoiceRecord> {
  const { automatically_finalizes_at: wanted } = params;
  if (params.auto_advance === undefined && wanted === undefined) return {};
  const auto_advance = params.auto_advance ?? true;
  if (old.status !== 'draft') {
    if (!auto_advance) unschedule(context, 'retry', old.id);
    return { auto_advance, ...(auto_advance ? {} : { next_payment_attempt: null }) };
  }
  checkFinalizesAt(context, wanted);
  unschedule(context, 'finalize', old.id);
  if (!auto_advance) return { auto_advance, automatically_finalizes_at: null, next_payment_attempt: null };
  const at = wanted ?? old.automatically_finalizes_at ?? context.tx.now + DRAFT_SECONDS;
  schedule(context, at, 'finalize', old.id);
  const is_sent = (params.collection_method ?? old.collection_method) === 'send_invoice';
  return { auto_advance, automatically_finalizes_at: at, next_payment_attempt: is_sent ? null : at };
}

function update(context: Context, params: DraftParams, id: string): object {
  const { tx, account_name } = context;
  const old = findInvoice(tx, id);
  const [late] = old.status === 'draft' ? [] : Object.keys(params).filter((name) => !lateFields.has(name));
  if (late !== undefined) {
    throw invalid("Finalized invoices can't be updated in this way.", { code: 'invoice_not_editable', param: late });
  }
  const change = { ...fieldsOf(context, params, old), ...reschedule(context, old, params) };
  return renderInvoice(tx, updateInvoice(context, old, change), account_name);
}

const payTable = {
  // No card holds a part of what it is charged, so there is nothing to forgive.
  forgive: inert('No card holds a part of what it is charged.'),
  mandate: emptyable(text()),
  off_session: flag(),
  paid_out_of_band: flag(),
  payment_method: text(),
};

/** What a request pays with. */
function payerOf(context: Context, invoice: InvoiceRecord, params: Read<typeof payTable>): PaymentMethodRecord {
  const { tx } = context;
  const method =
    params.payment_method === undefined
      ? methodFor(context, invoice)
      : resolvePaymentMethod(context, params.payment_method, 'payment_method');
  if (method === null) throw noMethod();
  if (method.customer !== null && method.customer !== invoice.customer) {
    throw invalid(`The provided PaymentMethod ${method.id} does not belong to the Customer ${invoice.customer}.`, {
      param: 'payment_method',
    });
  }
  if (params.mandate == null) return method;
  const mandate = tx.get('mandate', params.mandate);
  if (mandate === undefined) throw noSuch('mandate', params.mandate, 'mandate');
  if (mandate.status !== 'active' || mandate.payment_method !== method.id) {
    throw invalid('The mandate is not active, or belongs to another payment method.', { param: 'mandate' });
  }
  return method;
}

function pay(context: Context, params: Read<typeof payTable>, id: string): object {
  const { tx, account_name } = context;
  const off_stripe = params.paid_out_of_band === true;
  if (off_stripe && params.payment_method !== undefined) {
    throw invalidParam(
      'You may only specify one of these parameters: paid_out_of_band, payment_method.',
      'payment_method',
    );
  }
  let invoice = findInvoice(tx, id);
  const subscription = subscriptionOf(tx, invoice);
  const answer = (paid: InvoiceRecord): object => {
    followPayment(context, subscription, { outcome: 'paid', invoice: paid });
    return renderInvoice(tx, tx.need('invoice', id), account_name);
  };
  if (invoice.status === 'draft') {
    invoice = finalizeNow(context, invoice);
    if (invoice.status === 'paid') return answer(invoice);
  }
  if (invoice.status === 'paid') throw invalid('Invoice is already paid');
  if (invoice.status === 'void') {
    throw invalid(`This invoice can no longer be paid because it has a status of ${invoice.status}.`);
  }
  if (off_stripe) return answer(markPaid(context, invoice, { off_stripe: amountRemaining(invoice) }));
  const method = payerOf(context, invoice, params);
  const attempt = attemptPayment(context, invoice, {
    method,
    off_session: params.off_session ?? true,
    automatic: false,
  });
  if (attempt.outcome === 'paid') return answer(attempt.invoice);
  if (attempt.outcome === 'failed' && attempt.failure !== null) {
    throw cardError(attempt.failure, failureFields(tx, invoice.payment_intent));
  }
  throw cardError(
    {
      code: 'invoice_payment_intent_requires_action',
      decline_code: null,
      message: 'Payment for this invoice requires additional user action before it can be completed successfully.',
    },
    failureFields(tx, invoice.payment_intent),
  );
}

export const invoiceRoutes = [
  route('GET /v1/invoices/{id}', {}, ({ tx, account_name }, _params, id) =>
    renderInvoice(tx, findInvoice(tx, id), account_name),
  ),
  route('POST /v1/invoices/{id}', draftFields, update),
  route(
    'GET /v1/invoices',
    {
      ...pageParams,
      created: range(),
      customer: text(),
      due_date: range(),
      subscription: text(),
      status: oneOf(['draft', 'open', 'paid', 'void', 'uncollectible']),
      collection_method: oneOf(['charge_automatically', 'send_invoice']),
    },
    ({ tx, account_name }, params) => {
      const wanted = tx.all('invoice').filter((invoice) => {
        if (params.customer !== undefined && invoice.customer !== params.customer) return false;
        if (params.subscription !== undefined && invoice.subscription !== params.subscription) return false;
        if (params.status !== undefined && invoice.status !== params.status) return false;
        if (!listed(tx, invoice.customer, { customer: params.customer ?? params.subscription })) return false;
        const { collection_method = 'charge_automatically' } = invoice;
        if (params.collection_method !== undefined && params.collection_method !== collection_method) return false;
        const { due_date = null } = invoice;
        if (params.due_date !== undefined && (due_date === null || !within(due_date, params.due_date))) return false;
        return within(invoice.created, params.created);
      });
      return page('/v1/invoices', wanted, params, 'invoice', (each) => renderInvoice(tx, each, account_name));
    },
  ),
  route('POST /v1/invoices/{id}/finalize', { auto_advance: flag() }, (context, params, id) => {
    const { tx, account_name } = context;
    const draft = findInvoice(tx, id);
    if (draft.status !== 'draft') {
      throw invalid("This invoice is already finalized, you can't re-finalize a non-draft invoice.", {
        code: 'invoice_not_editable',
      });
    }
    const auto_advance = params.auto_advance ?? draft.auto_advance;
    const invoice = finalizeNow(context, { ...draft, auto_advance });
    // Collection of a finalized invoice follows within the hour.
    if (invoice.status === 'open' && auto_advance && invoice.collection_method !== 'send_invoice') {
      const next_payment_attempt = tx.now + DRAFT_SECONDS;
      schedule(context, next_payment_attempt, 'retry', id);
      tx.put('invoice', { ...invoice, next_payment_attempt });
    } else if (invoice.status === 'paid') {
      followPayment(context, subscriptionOf(tx, invoice), { outcome: 'paid', invoice });
    }
    return renderInvoice(tx, tx.need('invoice', id), account_name);
  }),
  route('POST /v1/invoices/{id}/pay', payTable, pay),
  route('POST /v1/invoices/{id}/void', {}, (context, _params, id) => {
    const { tx, account_name } = context;
    const invoice = findInvoice(tx, id);
    if (invoice.status !== 'open' && invoice.status !== 'uncollectible') {
      throw invalid("You can only pass in open invoices. This invoice isn't open.");
    }
    refuseAttached(context, invoice, 'void');
    const voided = voidInvoice(context, invoice);
    if (VOIDING_SETTLES) followPayment(context, subscriptionOf(tx, voided), { outcome: 'paid', invoice: voided });
    return renderInvoice(tx, voided, account_name);
  }),
];
