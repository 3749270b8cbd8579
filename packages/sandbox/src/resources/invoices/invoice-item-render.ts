import type Stripe from 'stripe';
import type { Wire } from '../../contract/wire.ts';
import type { InvoiceItemRecord } from '../../store/records.ts';
import type { Tx } from '../../store/store.ts';
import { renderPricing } from './invoice-render.ts';
import { renderTaxRate } from '../catalog/tax-rates.ts';

type RenderedItem = Wire<Stripe.InvoiceItem>;

/** Where a proration's money came from, as the API names it. */
function details(item: InvoiceItemRecord): Pick<RenderedItem, 'proration_details'> {
  if (item.proration === undefined) return {};
  const { credited } = item.proration;
  const discount_amounts = item.own_discounts ?? [];
  if (credited === null) return { proration_details: { credited_items: null, discount_amounts } };
  const { invoice, line } = credited;
  const credited_items =
    invoice === null || line === null
      ? { type: 'invoice_item' as const, invoice_item: credited.invoice_item ?? '' }
      : {
          type: 'invoice_line_items' as const,
          invoice_line_item_details: { invoice, invoice_line_items: [line] },
        };
  return { proration_details: { credited_items, discount_amounts } };
}

/** Renders an invoice item. */
export function renderInvoiceItem(tx: Tx, item: InvoiceItemRecord): RenderedItem {
  return {
    id: item.id,
    object: 'invoiceitem',
    amount: item.amount,
    currency: item.currency,
    customer: item.customer,
    customer_account: null,
    date: item.date,
    description: item.description,
    discountable: item.discountable,
    discounts: item.discounts ?? [],
    invoice: item.invoice,
    livemode: false,
    metadata: item.metadata,
    net_amount: item.amount - (item.own_discounts ?? []).reduce((sum, each) => sum + each.amount, 0),
    parent:
      item.subscription === null
        ? null
        : {
            type: 'subscription_details',
            subscription_details: {
              subscription: item.subscription,
              ...(item.subscription_item === undefined ? {} : { subscription_item: item.subscription_item }),
            },
          },
    period: item.period,
    pricing: renderPricing(item.price === null ? undefined : tx.get('price', item.price), item.unit_amount_decimal),
    proration: item.proration !== undefined,
    ...details(item),
    quantity: item.quantity,
    quantity_decimal: item.quantity_decimal ?? String(item.quantity),
    tax_rates: (item.tax_rates ?? []).map((id) => renderTaxRate(tx.need('tax_rate', id))),
    test_clock: tx.get('customer', item.customer)?.test_clock ?? null,
  };
}
