import { hasTaxLocation, renderAutomaticTax } from '../automatic-tax.ts';
import type Stripe from 'stripe';
import type { Wire } from '../../contract/wire.ts';
import { embeddedList } from '../../http/lists.ts';
import type { DiscountAmount, TaxAmount } from '../../store/money-records.ts';
import type { InvoicePaymentRecord, InvoiceRecord, LineRecord, PriceRecord } from '../../store/records.ts';
import { taxIdsShown } from '../customers/tax-ids.ts';
import type { Tx } from '../../store/store.ts';
import type { CreditAmount } from '../../store/usage-records.ts';
import { renderTaxRate } from '../catalog/tax-rates.ts';
import {
  amountDue,
  amountRemaining,
  includedTax,
  subtotalOf,
  totalDiscounts,
  totalOf,
  totalTaxes,
} from './invoice-amounts.ts';

type RenderedInvoice = Wire<Stripe.Invoice>;
type RenderedLine = Wire<Stripe.InvoiceLineItem>;

/** A tax as lines, invoices and credit notes show it. */
export function renderTax(tax: TaxAmount): NonNullable<RenderedLine['taxes']>[number] {
  return {
    amount: tax.amount,
    tax_behavior: tax.inclusive ? 'inclusive' : 'exclusive',
    tax_rate_details: { tax_rate: tax.tax_rate },
    taxability_reason: tax.reason,
    taxable_amount: tax.taxable_amount,
    type: 'tax_rate_details',
  };
}

/** What a prorated line gives back; a credit of an item that was never on an invoice names none. */
function creditedItems(line: LineRecord): { invoice: string; invoice_line_items: string[] } | null {
  const credited = line.proration?.credited;
  if (credited == null || credited.invoice === null || credited.line === null) return null;
  return { invoice: credited.invoice, invoice_line_items: [credited.line] };
}

function lineParent(line: LineRecord): RenderedLine['parent'] {
  if (line.subscription_item !== null && line.subscription !== null) {
    return {
      type: 'subscription_item_details',
      invoice_item_details: null,
      subscription_item_details: {
        invoice_item: line.invoice_item,
        proration: line.proration !== undefined,
        proration_details: { credited_items: creditedItems(line) },
        subscription: line.subscription,
        subscription_item: line.subscription_item,
      },
    };
  }
  return {
    type: 'invoice_item_details',
    subscription_item_details: null,
    invoice_item_details: {
      invoice_item: line.invoice_item ?? '',
      proration: false,
      proration_details: { credited_items: null },
      subscription: line.subscription,
    },
  };
}

/** How a line or an invoice item says what it costs: by a price, or by an amount given. */
export function renderPricing(
  price: PriceRecord | undefined,
  unit_amount_decimal: string,
): NonNullable<RenderedLine['pricing']> {
  if (price === undefined) return { type: 'price_details', unit_amount_decimal };
  return {
    type: 'price_details',
    price_details: { price: price.id, product: price.product },
    unit_amount_decimal,
  };
}

type PretaxCredit = NonNullable<RenderedLine['pretax_credit_amounts']>[number];

function discountCredit(each: DiscountAmount): PretaxCredit {
  return { ...each, type: 'discount' };
}

function grantCredit(each: CreditAmount): PretaxCredit {
  return { ...each, type: 'credit_balance_transaction' };
}

/** Renders an invoice line. */
export function renderLine(tx: Tx, line: LineRecord, invoice_id: string): RenderedLine {
  return {
    id: line.id,
    object: 'line_item',
    amount: line.amount,
    currency: line.currency,
    description: line.description,
    discount_amounts: line.discount_amounts ?? [],
    discountable: line.discountable,
    discounts: line.discounts ?? [],
    invoice: invoice_id,
    livemode: false,
    metadata: line.metadata,
    parent: lineParent(line),
    period: line.period,
    pretax_credit_amounts: [
      ...(line.discount_amounts ?? []).map(discountCredit),
      ...(line.credits ?? []).map(grantCredit),
    ],
    pricing: renderPricing(line.price === null ? undefined : tx.get('price', line.price), line.unit_amount_decimal),
    quantity: line.quantity,
    quantity_decimal: line.quantity_decimal ?? String(line.quantity),
    subscription: line.subscription,
    subtotal: line.amount,
    taxes: (line.taxes ?? []).map(renderTax),
  };
}

/** Renders a payment of an invoice. */
export function renderInvoicePayment(payment: InvoicePaymentRecord): Wire<Stripe.InvoicePayment> {
  return {
    id: payment.id,
    object: 'invoice_payment',
    amount_paid: payment.amount_paid,
    amount_requested: payment.amount_requested,
    created: payment.created,
    currency: payment.currency,
    invoice: payment.invoice,
    is_default: payment.is_default ?? true,
    livemode: false,
    payment: { type: 'payment_intent', payment_intent: payment.payment_intent },
    status: payment.status,
    status_transitions: { canceled_at: payment.canceled_at, paid_at: payment.paid_at },
  };
}

/** The payments of an invoice, a list answered only when expanded. */
export function renderPayments(tx: Tx, invoice_id: string): Wire<Stripe.ApiList<Stripe.InvoicePayment>> {
  const payments = tx.all('invoice_payment').filter((payment) => payment.invoice === invoice_id);
  return embeddedList('/v1/invoice_payments', payments.toReversed().map(renderInvoicePayment));
}

/** Where a finalized invoice can be seen; the origin is put in when the answer is written. */
function addresses(invoice: InvoiceRecord): Pick<RenderedInvoice, 'hosted_invoice_url' | 'invoice_pdf'> {
  if (invoice.page_token === null) return { hosted_invoice_url: null, invoice_pdf: null };
  return {
    hosted_invoice_url: `sandbox:/i/${invoice.page_token}`,
    invoice_pdf: `sandbox:/i/${invoice.page_token}/pdf`,
  };
}

function owner(
  tx: Tx,
  invoice: InvoiceRecord,
): Pick<
  RenderedInvoice,
  | 'customer'
  | 'customer_address'
  | 'customer_email'
  | 'customer_name'
  | 'customer_phone'
  | 'customer_shipping'
  | 'customer_tax_exempt'
  | 'customer_tax_ids'
> {
  const customer = tx.need('customer', invoice.customer);
  // Until finalization an invoice shows the customer as it is; then it keeps what it said.
  const source = invoice.status === 'draft' ? customer : null;
  return {
    customer: customer.id,
    customer_address: source === null ? invoice.customer_address : source.address,
    customer_email: source === null ? invoice.customer_email : source.email,
    customer_name: source === null ? invoice.customer_name : source.name,
    customer_phone: source === null ? invoice.customer_phone : source.phone,
    customer_shipping: (source === null ? invoice.customer_shipping : source.shipping) ?? null,
    customer_tax_exempt: customer.tax_exempt,
    customer_tax_ids: (source === null
      ? (invoice.customer_tax_ids ?? [])
      : taxIdsShown(tx, customer.id)) as NonNullable<RenderedInvoice['customer_tax_ids']>,
  };
}

/** What no invoice of the sandbox has. */
const absent = {
  amount_shipping: 0,
  application: null,
  customer_account: null,
  default_source: null,
  on_behalf_of: null,
  receipt_number: null,
  shipping_cost: null,
} satisfies Partial<RenderedInvoice>;

/** What an invoice comes to, before and after discounts and taxes. */
function sums(
  tx: Tx,
  invoice: InvoiceRecord,
): Pick<
  RenderedInvoice,
  | 'subtotal'
  | 'subtotal_excluding_tax'
  | 'total'
  | 'total_discount_amounts'
  | 'total_excluding_tax'
  | 'total_pretax_credit_amounts'
  | 'total_taxes'
> {
  const total = totalOf(invoice);
  const discounts = totalDiscounts(invoice.lines);
  const taxes = totalTaxes(invoice.lines);
  return {
    subtotal: subtotalOf(invoice),
    subtotal_excluding_tax: subtotalOf(invoice) - includedTax(tx, invoice),
    total,
    total_discount_amounts: discounts,
    total_excluding_tax: total - taxes.reduce((sum, tax) => sum + tax.amount, 0),
    total_pretax_credit_amounts: [
      ...discounts.map(discountCredit),
      ...invoice.lines.flatMap((line) => (line.credits ?? []).map(grantCredit)),
    ],
    total_taxes: taxes.map(renderTax),
  };
}

const otherMethods = {
  acss_debit: null,
  bancontact: null,
  customer_balance: null,
  konbini: null,
  payto: null,
  pix: null,
  sepa_debit: null,
  upi: null,
  us_bank_account: null,
};

function paymentSettings({ payment_settings }: InvoiceRecord): RenderedInvoice['payment_settings'] {
  const { default_mandate = null, payment_method_types = null, request_three_d_secure = null } = payment_settings ?? {};
  return {
    default_mandate,
    payment_method_options:
      request_three_d_secure === null ? null : { ...otherMethods, card: { request_three_d_secure } },
    payment_method_types,
  };
}

function renderingOf({ rendering }: InvoiceRecord): RenderedInvoice['rendering'] {
  if (rendering === undefined) return null;
  const { amount_tax_display, page_size } = rendering;
  return {
    amount_tax_display,
    pdf: page_size === null ? null : { page_size },
    template: null,
    template_version: null,
  };
}

/** What a seller says of an invoice, and what it says of others. */
function said(
  tx: Tx,
  invoice: InvoiceRecord,
): Pick<
  RenderedInvoice,
  | 'account_tax_ids'
  | 'custom_fields'
  | 'description'
  | 'effective_at'
  | 'footer'
  | 'from_invoice'
  | 'last_finalization_error'
  | 'latest_revision'
  | 'metadata'
  | 'number'
  | 'payment_settings'
  | 'rendering'
  | 'shipping_details'
  | 'statement_descriptor'
> {
  // What the customer has for all invoices is read until finalization, as its address is.
  const customer = invoice.status === 'draft' ? tx.need('customer', invoice.customer) : null;
  return {
    account_tax_ids: invoice.account_tax_ids ?? null,
    custom_fields: invoice.custom_fields ?? customer?.invoice_custom_fields ?? null,
    description: invoice.description,
    effective_at: invoice.effective_at ?? invoice.finalized_at,
    footer: invoice.footer ?? customer?.invoice_footer ?? null,
    from_invoice: invoice.from_invoice === undefined ? null : { action: 'revision', invoice: invoice.from_invoice },
    last_finalization_error:
      invoice.finalization_error == null
        ? null
        : { type: 'invalid_request_error', message: invoice.finalization_error },
    latest_revision: invoice.latest_revision ?? null,
    metadata: invoice.metadata,
    number: invoice.number,
    payment_settings: paymentSettings(invoice),
    rendering: renderingOf(invoice),
    shipping_details: invoice.shipping_details ?? null,
    statement_descriptor: invoice.statement_descriptor ?? null,
  };
}

/** A final invoice had a location; a draft has the one its customer has now. */
function automaticTaxOf(tx: Tx, invoice: InvoiceRecord): Wire<Stripe.Invoice>['automatic_tax'] {
  const shown = renderAutomaticTax(invoice.automatic_tax);
  if (!shown.enabled) return { ...shown, provider: null, status: null };
  const located = invoice.status !== 'draft' || hasTaxLocation(tx.need('customer', invoice.customer));
  return { ...shown, provider: 'stripe', status: located ? 'complete' : 'requires_location_inputs' };
}

/** Renders an invoice. `payments` and `confirmation_secret` come only by expansion. */
export function renderInvoice(tx: Tx, invoice: InvoiceRecord, account_name: string): RenderedInvoice {
  const due = amountDue(invoice);
  const lines = invoice.lines.map((line) => renderLine(tx, line, invoice.id));
  return {
    ...absent,
    ...owner(tx, invoice),
    ...addresses(invoice),
    ...said(tx, invoice),
    id: invoice.id,
    object: 'invoice',
    account_country: 'US',
    account_name,
    amount_due: due,
    amount_overpaid: invoice.amount_overpaid ?? 0,
    amount_paid: invoice.amount_paid,
    ...(invoice.amount_paid_off_stripe === undefined ? {} : { amount_paid_off_stripe: invoice.amount_paid_off_stripe }),
    amount_remaining: invoice.status === 'void' ? 0 : amountRemaining(invoice),
    attempt_count: invoice.attempt_count,
    attempted: invoice.attempt_count > 0 || invoice.status === 'paid',
    auto_advance: invoice.auto_advance,
    automatic_tax: automaticTaxOf(tx, invoice),
    automatically_finalizes_at: invoice.automatically_finalizes_at,
    billing_reason: invoice.billing_reason,
    collection_method: invoice.collection_method ?? 'charge_automatically',
    created: invoice.created,
    currency: invoice.currency,
    default_payment_method: invoice.default_payment_method ?? null,
    default_tax_rates: (invoice.default_tax_rates ?? []).map((id) => renderTaxRate(tx.need('tax_rate', id))),
    discounts: invoice.discounts ?? [],
    due_date: invoice.due_date ?? null,
    ending_balance: invoice.ending_balance,
    issuer: { type: 'self' },
    lines: embeddedList(`/v1/invoices/${invoice.id}/lines`, lines),
    livemode: false,
    next_payment_attempt: invoice.next_payment_attempt,
    parent:
      invoice.subscription === null
        ? null
        : {
            type: 'subscription_details',
            quote_details: null,
            subscription_details: { metadata: invoice.subscription_metadata, subscription: invoice.subscription },
          },
    period_end: invoice.period_end,
    period_start: invoice.period_start,
    post_payment_credit_notes_amount: invoice.post_payment_credit_notes_amount ?? 0,
    pre_payment_credit_notes_amount: invoice.pre_payment_credit_notes_amount ?? 0,
    starting_balance: invoice.starting_balance,
    status: invoice.status,
    ...(invoice.uncollectible_reason === undefined
      ? {}
      : { status_details: { uncollectible: { reason: invoice.uncollectible_reason } } }),
    status_transitions: {
      finalized_at: invoice.finalized_at,
      marked_uncollectible_at: invoice.marked_uncollectible_at ?? null,
      paid_at: invoice.paid_at,
      voided_at: invoice.voided_at,
    },
    ...sums(tx, invoice),
    ...(invoice.threshold_reason === undefined ? {} : { threshold_reason: invoice.threshold_reason }),
    test_clock: tx.get('customer', invoice.customer)?.test_clock ?? null,
    webhooks_delivered_at: invoice.webhooks_delivered_at,
  };
}
