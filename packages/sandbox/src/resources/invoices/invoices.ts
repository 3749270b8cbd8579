import { VOIDING_SETTLES } from '../../billing/open-points.ts';
import { invalid, noSuch } from '../../http/api-error.ts';
import { page, pageParams, range, within } from '../../http/lists.ts';
import { emptyable, flag, integer, list, mergeMetadata, metadata, oneOf, type Read, text } from '../../http/params.ts';
import { route } from '../../http/route.ts';
import type { InvoiceRecord } from '../../store/records.ts';
import type { Tx } from '../../store/store.ts';
import { listed } from '../../time/test-clock.ts';
import { attemptPayment, finalizeInvoice, methodFor, subscriptionOf, voidInvoice } from './collect.ts';
import { followPayment } from './follow-payment.ts';
import { type Context, schedule, unschedule } from '../context.ts';
import { discountsParam, redeemAll } from './discounts.ts';
import { subtotalOf } from './invoice-amounts.ts';
import { DRAFT_SECONDS } from './invoice-draft.ts';
import { renderInvoice, renderInvoicePayment } from './invoice-render.ts';
import { cardError, noMethod, resolvePaymentMethod } from '../payments/payment-methods.ts';
import { findTaxRates } from '../catalog/tax-rates.ts';
import { checkTaxes } from './tax-amounts.ts';
import { updateInvoice } from '../subscriptions/subscription-end.ts';
import { failureFields } from '../subscriptions/subscriptions.ts';

/** An invoice by the id in the path. */
export function findInvoice(tx: Tx, id: string, param = 'id'): InvoiceRecord {
  const invoice = tx.get('invoice', id);
  if (invoice === undefined) throw noSuch('invoice', id, param);
  return invoice;
}

const updateTable = {
  auto_advance: flag(),
  automatically_finalizes_at: integer(),
  default_tax_rates: emptyable(list(text(), 5)),
  description: emptyable(text(1_500)),
  discounts: discountsParam,
  footer: emptyable(text()),
  metadata: metadata(),
};

/** Draft invoices wait in the queue of time only while they advance by themselves. */
function reschedule(context: Context, old: InvoiceRecord, params: Read<typeof updateTable>): Partial<InvoiceRecord> {
  if (params.auto_advance === undefined && params.automatically_finalizes_at === undefined) return {};
  const auto_advance = params.auto_advance ?? true;
  if (old.status !== 'draft') {
    if (params.automatically_finalizes_at !== undefined) {
      throw invalid('You can only set `automatically_finalizes_at` on draft invoices.', {
        param: 'automatically_finalizes_at',
      });
    }
    if (!auto_advance) unschedule(context, 'retry', old.id);
    return { auto_advance, ...(auto_advance ? {} : { next_payment_attempt: null }) };
  }
  unschedule(context, 'finalize', old.id);
  if (!auto_advance) return { auto_advance, automatically_finalizes_at: null, next_payment_attempt: null };
  const at = params.automatically_finalizes_at ?? old.automatically_finalizes_at ?? context.tx.now + DRAFT_SECONDS;
  schedule(context, at, 'finalize', old.id);
  return { auto_advance, automatically_finalizes_at: at, next_payment_attempt: at };
}

function update(context: Context, params: Read<typeof updateTable>, id: string): object {
  const { tx, account_name } = context;
  const old = findInvoice(tx, id);
  if (
    old.status !== 'draft' &&
    ['default_tax_rates', 'description', 'discounts', 'footer'].some((name) => Object.hasOwn(params, name))
  ) {
    throw invalid("Finalized invoices can't be updated in this way.", { code: 'invoice_not_editable' });
  }
  const redeemer = { currency: old.currency, amount: subtotalOf(old), has: old.discounts ?? [] };
  const owner = { customer: old.customer, invoice: id };
  checkTaxes({ ...old, default_tax_rates: params.default_tax_rates ?? [] }, 'default_tax_rates');
  const invoice = updateInvoice(context, old, {
    ...reschedule(context, old, params),
    ...(params.discounts === undefined
      ? {}
      : { discounts: redeemAll(context, params.discounts ?? [], owner, redeemer) }),
    ...(params.default_tax_rates === undefined
      ? {}
      : { default_tax_rates: findTaxRates(tx, params.default_tax_rates ?? [], 'default_tax_rates') }),
    description: params.description === undefined ? old.description : params.description,
    footer: params.footer === undefined ? old.footer : params.footer,
    metadata: mergeMetadata(old.metadata, params.metadata),
  });
  return renderInvoice(tx, invoice, account_name);
}

function pay(
  context: Context,
  params: { payment_method?: string | undefined; off_session?: boolean | undefined },
  id: string,
): object {
  const { tx, account_name } = context;
  let invoice = findInvoice(tx, id);
  if (invoice.status === 'draft') {
    invoice = finalizeInvoice(context, invoice);
    if (invoice.status === 'paid') {
      followPayment(context, subscriptionOf(tx, invoice), { outcome: 'paid', invoice });
      return renderInvoice(tx, invoice, account_name);
    }
  }
  if (invoice.status === 'paid') throw invalid('Invoice is already paid');
  if (invoice.status === 'void') {
    throw invalid(`This invoice can no longer be paid because it has a status of ${invoice.status}.`);
  }
  const method =
    params.payment_method === undefined
      ? methodFor(context, invoice)
      : resolvePaymentMethod(context, params.payment_method, 'payment_method');
  if (method === null) {
    throw noMethod();
  }
  const off_session = params.off_session ?? true;
  const attempt = attemptPayment(context, invoice, { method, off_session, automatic: false });
  const subscription = subscriptionOf(tx, invoice);
  if (attempt.outcome === 'paid') {
    followPayment(context, subscription, attempt);
    return renderInvoice(tx, tx.need('invoice', id), account_name);
  }
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
  route('POST /v1/invoices/{id}', updateTable, update),
  route(
    'GET /v1/invoices',
    {
      ...pageParams,
      created: range(),
      customer: text(),
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
    const invoice = finalizeInvoice(context, { ...draft, auto_advance });
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
  route('POST /v1/invoices/{id}/pay', { payment_method: text(), off_session: flag() }, pay),
  route('POST /v1/invoices/{id}/void', {}, (context, _params, id) => {
    const { tx, account_name } = context;
    const invoice = findInvoice(tx, id);
    if (invoice.status !== 'open' && invoice.status !== 'uncollectible') {
      throw invalid("You can only pass in open invoices. This invoice isn't open.");
    }
    const voided = voidInvoice(context, invoice);
    if (VOIDING_SETTLES) followPayment(context, subscriptionOf(tx, voided), { outcome: 'paid', invoice: voided });
    return renderInvoice(tx, voided, account_name);
  }),
  route(
    'GET /v1/invoice_payments',
    { ...pageParams, created: range(), invoice: text(), status: oneOf(['open', 'paid', 'canceled']) },
    ({ tx }, params) => {
      const wanted = tx.all('invoice_payment').filter((payment) => {
        if (params.invoice !== undefined && payment.invoice !== params.invoice) return false;
        if (params.status !== undefined && payment.status !== params.status) return false;
        return within(payment.created, params.created);
      });
      return page('/v1/invoice_payments', wanted, params, 'invoice_payment', renderInvoicePayment);
    },
  ),
  route('GET /v1/invoice_payments/{id}', {}, ({ tx }, _params, id) => {
    const payment = tx.get('invoice_payment', id);
    if (payment === undefined) throw noSuch('invoice_payment', id);
    return renderInvoicePayment(payment);
  }),
];
