import { missingParam } from '../../contract/contract.ts';
import { invalid, invalidParam, noSuch, unsupported } from '../../http/api-error.ts';
import {
  emptyable,
  flag,
  integer,
  list,
  mergeMetadata,
  metadata,
  oneOf,
  type Param,
  type Read,
  refused,
  shape,
  text,
} from '../../http/params.ts';
import type { InvoiceRecord } from '../../store/records.ts';
import type { Tx } from '../../store/store.ts';
import { findTaxRates } from '../catalog/tax-rates.ts';
import type { Context } from '../context.ts';
import { shippingParam } from '../payments/shipping.ts';
import { automaticTax, checkTaxLocation } from '../automatic-tax.ts';
import { connectOnly, oldSource, self } from '../refusals.ts';
import { discountsParam, redeemAll } from './discounts.ts';
import { subtotalOf } from './invoice-amounts.ts';
import { checkTaxes } from './tax-amounts.ts';

const DAY = 86_400;
/** Drafts can be planned so far ahead. */
const LATEST_SECONDS = 5 * 366 * DAY;

/** A statement shows letters of these, and at least one. */
const descriptor: Param<string> = {
  read(value, path) {
    const read = text(22).read(value, path);
    if (/[a-z]/i.test(read) && !/[<>\\'"*]/.test(read)) return read;
    throw invalidParam('The statement descriptor must contain a letter, and none of < > \\ \' " *.', path);
  },
};

/** The sandbox knows cards only; a list of methods must leave them in. */
const methodTypes: Param<string[] | null> = emptyable({
  read(value, path) {
    const read = list(text()).read(value, path);
    if (read.includes('card')) return read;
    throw unsupported(`\`${path}\` without \`card\``, path);
  },
});

const settings = shape({
  default_mandate: emptyable(text()),
  payment_method_options: shape({ card: shape({ request_three_d_secure: oneOf(['any', 'automatic', 'challenge']) }) }),
  payment_method_types: methodTypes,
});

const TEMPLATES = 'rendering templates are made in the dashboard';

/** What may be said of a draft, when it is made and afterwards. */
export const draftFields = {
  account_tax_ids: emptyable(list(text())),
  application_fee_amount: connectOnly,
  auto_advance: flag(),
  automatic_tax: automaticTax,
  automatically_finalizes_at: integer(),
  collection_method: oneOf(['charge_automatically', 'send_invoice']),
  custom_fields: emptyable(list(shape({ name: text(40), value: text(140) }), 4)),
  days_until_due: integer(0, 3_650),
  default_payment_method: text(),
  default_source: oldSource,
  default_tax_rates: emptyable(list(text(), 5)),
  description: emptyable(text(1_500)),
  discounts: discountsParam,
  due_date: integer(),
  effective_at: emptyable(integer(0)),
  footer: emptyable(text()),
  issuer: self,
  metadata: metadata(),
  number: emptyable(text(26)),
  on_behalf_of: connectOnly,
  payment_settings: settings,
  rendering: shape({
    amount_tax_display: emptyable(oneOf(['exclude_tax', 'include_inclusive_tax'])),
    pdf: shape({ page_size: oneOf(['a4', 'auto', 'letter']) }),
    template: refused(TEMPLATES),
    template_version: refused(TEMPLATES),
  }),
  shipping_cost: refused('shipping rates are not kept here'),
  shipping_details: shippingParam,
  statement_descriptor: descriptor,
  transfer_data: connectOnly,
};

/** What a request says of an invoice. */
export type DraftParams = Partial<Read<typeof draftFields>>;

/** What may still be said of an invoice that is final. */
export const lateFields: ReadonlySet<string> = new Set([
  'auto_advance',
  'default_payment_method',
  'metadata',
  'payment_settings',
]);

/** When a sent invoice has to be paid; only those have a date. */
export function dueDate(context: Context, params: DraftParams, old: InvoiceRecord): Partial<InvoiceRecord> {
  const { now } = context.tx;
  const { days_until_due, due_date } = params;
  const method = params.collection_method ?? old.collection_method ?? 'charge_automatically';
  const given = (['days_until_due', 'due_date'] as const).filter((name) => params[name] !== undefined);
  if (method === 'charge_automatically') {
    const [wrong] = given;
    if (wrong === undefined) return { collection_method: method, days_until_due: null, due_date: null };
    throw invalidParam(`You can only set \`${wrong}\` if \`collection_method\` is \`send_invoice\`.`, wrong);
  }
  const sent = { collection_method: method, next_payment_attempt: null };
  if (given.length === 2) {
    throw invalidParam('You may only specify one of these parameters: days_until_due, due_date.', 'due_date');
  }
  if (due_date !== undefined) {
    if (due_date < now) throw invalidParam('The `due_date` must be in the future.', 'due_date');
    return { ...sent, days_until_due: null, due_date };
  }
  if (days_until_due !== undefined) return { ...sent, days_until_due, due_date: now + days_until_due * DAY };
  if (typeof old.days_until_due === 'number' || typeof old.due_date === 'number') return sent;
  throw missingParam('days_until_due');
}

/** A payment method of the customer, by an id that was sent. */
function ownMethod(tx: Tx, customer: string, id: string): string {
  if (tx.get('payment_method', id)?.customer === customer) return id;
  throw invalid(`The customer does not have a payment method with the ID ${id}.`, {
    code: 'resource_missing',
    param: 'default_payment_method',
  });
}

/** The account's own tax ids, by ids that were sent. */
export function accountTaxIds(tx: Tx, ids: readonly string[] | null, path: string): string[] | null {
  for (const [index, id] of (ids ?? []).entries()) {
    const tax_id = tx.get('tax_id', id);
    if (tax_id === undefined || tax_id.customer !== null) throw noSuch('tax id', id, `${path}[${index}]`);
  }
  return ids === null ? null : [...ids];
}

/** A number that the seller gives; no other invoice may have it. */
function ownNumber(tx: Tx, id: string, number: string | null): Partial<InvoiceRecord> {
  if (number === null) return { number: null, is_own_number: false };
  if (tx.all('invoice').some((each) => each.number === number && each.id !== id)) {
    throw invalid(`The invoice number ${number} is already in use.`, { param: 'number' });
  }
  return { number, is_own_number: true };
}

function paymentSettings(
  tx: Tx,
  sent: NonNullable<DraftParams['payment_settings']>,
  old: InvoiceRecord['payment_settings'],
): NonNullable<InvoiceRecord['payment_settings']> {
  const { default_mandate, payment_method_options, payment_method_types } = sent;
  if (default_mandate != null && tx.get('mandate', default_mandate)?.status !== 'active') {
    throw noSuch('mandate', default_mandate, 'payment_settings[default_mandate]');
  }
  const before = old ?? { default_mandate: null, payment_method_types: null, request_three_d_secure: null };
  const asked = payment_method_options?.card?.request_three_d_secure;
  return {
    default_mandate: default_mandate === undefined ? before.default_mandate : default_mandate,
    payment_method_types: payment_method_types === undefined ? before.payment_method_types : payment_method_types,
    request_three_d_secure: asked ?? before.request_three_d_secure,
  };
}

function rendering(
  sent: NonNullable<DraftParams['rendering']>,
  old: InvoiceRecord['rendering'],
): NonNullable<InvoiceRecord['rendering']> {
  const { amount_tax_display = old?.amount_tax_display ?? null, pdf } = sent;
  return { amount_tax_display, page_size: pdf?.page_size ?? old?.page_size ?? null };
}

/** Refuses a time at which nothing can be finalized by itself. */
export function checkFinalizesAt(context: Context, at: number | undefined): void {
  const { now } = context.tx;
  if (at === undefined || (at > now && at <= now + LATEST_SECONDS)) return;
  throw invalidParam(
    '`automatically_finalizes_at` must be in the future, by at most five years.',
    'automatically_finalizes_at',
  );
}

/** What a request makes of a draft, but for when it is finalized. */
export function fieldsOf(context: Context, params: DraftParams, old: InvoiceRecord): Partial<InvoiceRecord> {
  const { tx } = context;
  const { currency, customer, id } = old;
  const changes: Partial<InvoiceRecord> = {};
  const given = <K extends keyof DraftParams>(
    name: K,
    read: (value: Exclude<DraftParams[K], undefined>) => Partial<InvoiceRecord>,
  ): void => {
    const value = params[name];
    if (value !== undefined) Object.assign(changes, read(value as Exclude<DraftParams[K], undefined>));
  };
  given('account_tax_ids', (ids) => ({ account_tax_ids: accountTaxIds(tx, ids, 'account_tax_ids') }));
  given('automatic_tax', (enabled) => {
    checkTaxLocation(tx, enabled, customer);
    return { automatic_tax: { enabled, disabled_reason: null } };
  });
  given('custom_fields', (sent) => ({
    custom_fields: sent?.map(({ name, value }) => ({ name: name ?? '', value: value ?? '' })) ?? null,
  }));
  given('default_payment_method', (method) => ({ default_payment_method: ownMethod(tx, customer, method) }));
  given('default_tax_rates', (ids) => {
    const default_tax_rates = findTaxRates(tx, ids ?? [], 'default_tax_rates');
    checkTaxes({ ...old, default_tax_rates }, 'default_tax_rates');
    return { default_tax_rates };
  });
  given('description', (description) => ({ description }));
  given('discounts', (wanted) => {
    const facts = { currency, amount: old.lines.length === 0 ? null : subtotalOf(old), has: old.discounts ?? [] };
    return { discounts: redeemAll(context, wanted ?? [], { customer, invoice: id }, facts) };
  });
  given('effective_at', (effective_at) => ({ effective_at }));
  given('footer', (footer) => ({ footer }));
  given('metadata', (change) => ({ metadata: mergeMetadata(old.metadata, change) }));
  given('number', (number) => ownNumber(tx, id, number));
  given('payment_settings', (sent) => ({ payment_settings: paymentSettings(tx, sent, old.payment_settings) }));
  given('rendering', (sent) => ({ rendering: rendering(sent, old.rendering) }));
  given('shipping_details', (shipping_details) => ({ shipping_details }));
  given('statement_descriptor', (statement_descriptor) => ({ statement_descriptor }));
  const is_sent_otherwise = ['collection_method', 'days_until_due', 'due_date'].some((name) =>
    Object.hasOwn(params, name),
  );
  return is_sent_otherwise ? { ...changes, ...dueDate(context, params, old) } : changes;
}
