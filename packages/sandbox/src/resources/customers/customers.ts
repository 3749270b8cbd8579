import { invalidParam, noSuch } from '../../http/api-error.ts';
import { page, pageParams, range, within } from '../../http/lists.ts';
import {
  emptyable,
  inert,
  integer,
  list,
  mergeMetadata,
  metadata,
  oneOf,
  type Param,
  type Read,
  shape,
  text,
} from '../../http/params.ts';
import { route } from '../../http/route.ts';
import type { CustomerRecord } from '../../store/records.ts';
import type { Tx } from '../../store/store.ts';
import { joinClock, listed } from '../../time/test-clock.ts';
import { type Context, emit } from '../context.ts';
import { addressParam } from './address.ts';
import { moveBalance } from './balance.ts';
import { findCustomer, renderAnyCustomer, renderCustomer, updateCustomer } from './customer-record.ts';
import { removeItem } from '../invoices/invoice-item-record.ts';
import { shippingParam } from '../payments/shipping.ts';
import { createTaxId } from './tax-ids.ts';
import { attachForCustomer } from '../payments/payment-methods.ts';
import { closeSchedule, isLive } from '../schedules/schedule-end.ts';
import { cancelSubscription } from '../subscriptions/subscription-end.ts';

export { findCustomer, updateCustomer };

/** Writes a new customer and says so. */
export function createCustomer(context: Context, facts: Partial<CustomerRecord>): CustomerRecord {
  const { tx } = context;
  const customer = tx.put('customer', {
    id: tx.newId('cus_', 14),
    created: tx.now,
    deleted: false,
    address: null,
    balance: 0,
    business_name: null,
    currency: null,
    default_payment_method: null,
    delinquent: false,
    description: null,
    email: null,
    individual_name: null,
    invoice_prefix: tx.newId('', 8).toUpperCase(),
    metadata: {},
    name: null,
    next_invoice_sequence: 1,
    phone: null,
    preferred_locales: [],
    tax_exempt: 'none',
    test_clock: null,
    ...facts,
  });
  emit(context, 'customer.created', renderCustomer(customer));
  return customer;
}

const email: Param<string> = {
  read(value, path) {
    const read = text(512).read(value, path);
    if (!/^[^\s@]+@[^\s@]+$/.test(read)) throw invalidParam(`Invalid email address: ${read}`, path, 'email_invalid');
    return read;
  },
};

const table = {
  address: emptyable(addressParam),
  balance: integer(),
  business_name: emptyable(text(150)),
  description: emptyable(text()),
  email: emptyable(email),
  individual_name: emptyable(text(150)),
  invoice_prefix: text(12),
  invoice_settings: shape({
    custom_fields: emptyable(list(shape({ name: text(40), value: text(140) }), 4)),
    default_payment_method: emptyable(text()),
    footer: emptyable(text()),
  }),
  metadata: metadata(),
  name: emptyable(text(256)),
  next_invoice_sequence: integer(1),
  phone: emptyable(text(20)),
  preferred_locales: list(text(20), 10),
  tax_exempt: emptyable(oneOf(['exempt', 'none', 'reverse'])),
  shipping: shippingParam,
  // Only Stripe Tax reads these; the sandbox applies the rates it is given.
  tax: inert('No tax is computed from places; tax rates do it.'),
  validate: inert('A card is asked when it is charged.'),
};

/** What is said of a customer only when it is made. */
const onceTable = {
  payment_method: text(),
  tax_id_data: list(shape({ type: text(), value: text() }), 5),
  test_clock: text(),
};

function changesOf(params: Read<typeof table>): Partial<CustomerRecord> {
  const { custom_fields, footer } = params.invoice_settings ?? {};
  const given: Partial<CustomerRecord> = {
    ...(custom_fields === undefined
      ? {}
      : { invoice_custom_fields: custom_fields?.map(({ name = '', value = '' }) => ({ name, value })) ?? null }),
    ...(footer === undefined ? {} : { invoice_footer: footer }),
    ...(params.shipping === undefined ? {} : { shipping: params.shipping }),
    ...(params.address === undefined ? {} : { address: params.address }),
    ...(params.business_name === undefined ? {} : { business_name: params.business_name }),
    ...(params.description === undefined ? {} : { description: params.description }),
    ...(params.email === undefined ? {} : { email: params.email }),
    ...(params.individual_name === undefined ? {} : { individual_name: params.individual_name }),
    ...(params.invoice_prefix === undefined ? {} : { invoice_prefix: params.invoice_prefix }),
    ...(params.name === undefined ? {} : { name: params.name }),
    ...(params.next_invoice_sequence === undefined ? {} : { next_invoice_sequence: params.next_invoice_sequence }),
    ...(params.phone === undefined ? {} : { phone: params.phone }),
    ...(params.preferred_locales === undefined ? {} : { preferred_locales: params.preferred_locales }),
    ...(params.tax_exempt === undefined ? {} : { tax_exempt: params.tax_exempt ?? 'none' }),
  };
  if (given.invoice_prefix !== undefined && !/^[A-Z0-9]{3,12}$/.test(given.invoice_prefix)) {
    throw invalidParam('Invoice prefixes must be 3-12 uppercase letters or numbers.', 'invoice_prefix');
  }
  return given;
}

function ownMethod(tx: Tx, customer: string, id: string | null): string | null {
  if (id === null) return null;
  if (tx.get('payment_method', id)?.customer !== customer) {
    throw noSuch('PaymentMethod', id, 'invoice_settings[default_payment_method]');
  }
  return id;
}

/** Deletes a customer; subscriptions are canceled, and what waited for an invoice is gone. */
export function deleteCustomer(context: Context, customer: CustomerRecord): void {
  const { tx } = context;
  for (const subscription of tx.all('subscription')) {
    if (subscription.customer === customer.id && subscription.ended_at === null) {
      cancelSubscription(context, subscription, 'cancellation_requested');
    }
  }
  for (const planned of tx.all('subscription_schedule')) {
    if (planned.customer === customer.id && isLive(planned)) closeSchedule(context, planned, 'canceled');
  }
  for (const item of tx.all('invoice_item')) {
    if (item.customer === customer.id && item.invoice === null) removeItem(context, item);
  }
  tx.put('customer', { ...customer, deleted: true });
  emit(context, 'customer.deleted', renderCustomer(customer));
}

export const customerRoutes = [
  route('POST /v1/customers', { ...table, ...onceTable }, (context, params) => {
    const { test_clock } = params;
    let customer = createCustomer(context, {
      ...changesOf(params),
      ...(test_clock === undefined ? {} : { test_clock: joinClock(context.tx, test_clock) }),
      metadata: mergeMetadata({}, params.metadata),
    });
    for (const [index, sent] of (params.tax_id_data ?? []).entries()) {
      createTaxId(context, sent, customer.id, `tax_id_data[${index}]`);
    }
    if (params.balance !== undefined && params.balance !== 0) {
      const move = { amount: params.balance, currency: 'usd', type: 'initial' } as const;
      moveBalance(context, customer, move, { currency: null });
      customer = context.tx.need('customer', customer.id);
    }
    const wanted = params.invoice_settings?.default_payment_method ?? null;
    if (params.payment_method !== undefined) {
      const attached = attachForCustomer(context, params.payment_method, customer.id, 'payment_method');
      if (wanted === params.payment_method || wanted === attached.id) {
        customer = updateCustomer(context, customer, { default_payment_method: attached.id });
      }
    } else if (wanted !== null) {
      throw noSuch('PaymentMethod', wanted, 'invoice_settings[default_payment_method]');
    }
    return renderCustomer(customer);
  }),
  route('GET /v1/customers/{id}', {}, ({ tx }, _params, id) => {
    const customer = tx.get('customer', id);
    if (customer === undefined) throw noSuch('customer', id);
    return renderAnyCustomer(customer);
  }),
  route('POST /v1/customers/{id}', table, (context, params, id) => {
    const old = findCustomer(context.tx, id);
    const method = params.invoice_settings?.default_payment_method;
    const customer = updateCustomer(context, old, {
      ...changesOf(params),
      ...(method === undefined ? {} : { default_payment_method: ownMethod(context.tx, id, method) }),
      metadata: mergeMetadata(old.metadata, params.metadata),
    });
    if (params.balance === undefined || params.balance === old.balance) return renderCustomer(customer);
    const currency = customer.currency ?? 'usd';
    const move = { amount: params.balance - old.balance, currency, type: 'adjustment' } as const;
    moveBalance(context, customer, move, { currency: customer.currency });
    return renderCustomer(context.tx.need('customer', id));
  }),
  route('DELETE /v1/customers/{id}', {}, (context, _params, id) => {
    const { tx } = context;
    deleteCustomer(context, findCustomer(tx, id));
    return { id, object: 'customer', deleted: true };
  }),
  route(
    'GET /v1/customers',
    { ...pageParams, created: range(), email: text(512), test_clock: text() },
    ({ tx }, params) => {
      const wanted = tx.all('customer').filter((customer) => {
        if (customer.deleted || !listed(tx, customer.id, params)) return false;
        if (params.email !== undefined && customer.email !== params.email) return false;
        return within(customer.created, params.created);
      });
      return page('/v1/customers', wanted, params, 'customer', renderCustomer);
    },
  ),
];
