import type Stripe from 'stripe';
import type { Wire } from '../../contract/wire.ts';
import { noSuch } from '../../http/api-error.ts';
import type { CustomerRecord } from '../../store/records.ts';
import type { Tx } from '../../store/store.ts';
import { type Context, emitUpdate } from '../context.ts';

/** Renders a living customer. */
export function renderCustomer(customer: CustomerRecord): Wire<Stripe.Customer> {
  return {
    id: customer.id,
    object: 'customer',
    address: customer.address,
    balance: customer.balance,
    ...(customer.business_name === null ? {} : { business_name: customer.business_name }),
    created: customer.created,
    currency: customer.currency,
    customer_account: null,
    default_source: null,
    delinquent: customer.delinquent,
    description: customer.description,
    discount: null,
    email: customer.email,
    ...(customer.individual_name === null ? {} : { individual_name: customer.individual_name }),
    invoice_prefix: customer.invoice_prefix,
    invoice_settings: {
      custom_fields: customer.invoice_custom_fields ?? null,
      default_payment_method: customer.default_payment_method,
      footer: customer.invoice_footer ?? null,
      rendering_options: null,
    },
    livemode: false,
    metadata: customer.metadata,
    name: customer.name,
    next_invoice_sequence: customer.next_invoice_sequence,
    phone: customer.phone,
    preferred_locales: customer.preferred_locales,
    shipping: customer.shipping ?? null,
    tax_exempt: customer.tax_exempt,
    test_clock: customer.test_clock,
  };
}

/** A customer as `retrieve` answers it: a deleted one is a stub. */
export function renderAnyCustomer(customer: CustomerRecord): Wire<Stripe.Customer | Stripe.DeletedCustomer> {
  return customer.deleted ? { id: customer.id, object: 'customer', deleted: true } : renderCustomer(customer);
}

/** A living customer by an id that was sent as `param`. */
export function findCustomer(tx: Tx, id: string, param = 'id'): CustomerRecord {
  const customer = tx.get('customer', id);
  if (customer === undefined || customer.deleted) throw noSuch('customer', id, param);
  return customer;
}

/** Replaces a customer and says so. */
export function updateCustomer(context: Context, old: CustomerRecord, change: Partial<CustomerRecord>): CustomerRecord {
  const customer = context.tx.put('customer', { ...old, ...change });
  emitUpdate(context, 'customer.updated', renderCustomer(old), renderCustomer(customer));
  return customer;
}
