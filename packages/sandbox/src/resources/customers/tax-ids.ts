import type Stripe from 'stripe';
import type { Wire } from '../../contract/wire.ts';
import { missingParam } from '../../contract/contract.ts';
import { invalidParam, noSuch } from '../../http/api-error.ts';
import { page, pageParams } from '../../http/lists.ts';
import { oneOf, type Read, shape, text } from '../../http/params.ts';
import { route } from '../../http/route.ts';
import type { TaxIdRecord } from '../../store/money-records.ts';
import type { Tx } from '../../store/store.ts';
import { type Context, emit } from '../context.ts';
import { findCustomer } from './customer-record.ts';

/** How the ids of some kinds look. Of other kinds any value is taken; a wrong one only fails a check that is not made. */
const patterns: Record<string, RegExp> = {
  au_abn: /^\d{2} ?\d{3} ?\d{3} ?\d{3}$/,
  br_cnpj: /^\d{2}\.?\d{3}\.?\d{3}\/?\d{4}-?\d{2}$/,
  ca_bn: /^\d{9}$/,
  ch_vat: /^CHE-?\d{3}\.?\d{3}\.?\d{3} ?(MWST|TVA|IVA)$/,
  eu_vat: /^[A-Z]{2}[A-Z0-9+*]{2,13}$/,
  gb_vat: /^(GB|XI)(\d{9}|\d{12}|GD\d{3}|HA\d{3})$/,
  in_gst: /^\d{2}[A-Z]{5}\d{4}[A-Z][A-Z0-9]{3}$/,
  jp_cn: /^\d{13}$/,
  no_vat: /^\d{9}MVA$/,
  us_ein: /^\d{2}-\d{7}$/,
};

/** Renders a tax id. No office is asked, so a checkable one stays `pending`. */
export function renderTaxId(record: TaxIdRecord): Wire<Stripe.TaxId> {
  const country = record.type.startsWith('eu_') ? record.value.slice(0, 2) : record.type.slice(0, 2).toUpperCase();
  const checked = ['au_abn', 'eu_vat', 'gb_vat'].includes(record.type);
  return {
    id: record.id,
    object: 'tax_id',
    country,
    created: record.created,
    customer: record.customer,
    customer_account: null,
    livemode: false,
    owner:
      record.customer === null
        ? { type: 'self', customer_account: null }
        : { type: 'customer', customer: record.customer, customer_account: null },
    type: record.type as Wire<Stripe.TaxId>['type'],
    value: record.value,
    verification: {
      status: checked ? 'pending' : 'unavailable',
      verified_address: null,
      verified_name: null,
    },
  };
}

/** The tax ids of a customer, oldest first. */
export function taxIdsOf(tx: Tx, customer: string): TaxIdRecord[] {
  return tx.all('tax_id').filter((each) => each.customer === customer);
}

/** What an invoice says of a customer's tax ids. */
export function taxIdsShown(tx: Tx, customer: string): { type: string; value: string }[] {
  return taxIdsOf(tx, customer).map(({ type, value }) => ({ type, value }));
}

const table = { type: text(30), value: text(200) };

/** Why a tax id cannot be right; `null` when it may be. */
export function taxIdFault(type: string, value: string): 'type' | 'value' | null {
  if (!/^[a-z]{2}_[a-z]{2,6}$/.test(type)) return 'type';
  return patterns[type]?.test(value) === false ? 'value' : null;
}

/** Writes a tax id down. */
export function addTaxId(context: Context, customer: string | null, type: string, value: string): TaxIdRecord {
  const { tx } = context;
  const record = tx.put('tax_id', { id: tx.newId('txi_'), created: tx.now, customer, type, value });
  if (customer !== null) emit(context, 'customer.tax_id.created', renderTaxId(record));
  return record;
}

/** Checks and writes a tax id; `path` is the hash it stands in. */
export function createTaxId(
  context: Context,
  params: { type?: string | undefined; value?: string | undefined },
  customer: string | null,
  path = '',
): object {
  const { type, value } = params;
  const name = (key: string): string => (path === '' ? key : `${path}[${key}]`);
  if (type === undefined) throw missingParam(name('type'));
  if (value === undefined) throw missingParam(name('value'));
  const fault = taxIdFault(type, value);
  if (fault === 'type') throw invalidParam(`Invalid type: ${type} is no type of tax ID`, name('type'));
  if (fault === 'value') throw invalidParam(`Invalid value for ${type}.`, name('value'), 'tax_id_invalid');
  return renderTaxId(addTaxId(context, customer, type, value));
}

function remove(context: Context, id: string, belongs: (record: TaxIdRecord) => boolean): object {
  const { tx } = context;
  const record = tx.get('tax_id', id);
  if (record === undefined || !belongs(record)) throw noSuch('tax ID', id);
  tx.remove('tax_id', id);
  if (record.customer !== null) emit(context, 'customer.tax_id.deleted', renderTaxId(record));
  return { id, object: 'tax_id', deleted: true };
}

function find(tx: Tx, id: string, customer: string | null): TaxIdRecord {
  const record = tx.get('tax_id', id);
  if (record === undefined || (customer !== null && record.customer !== customer)) throw noSuch('tax ID', id);
  return record;
}

const ownerTable = shape({ customer: text(), type: oneOf(['customer', 'self'], ['account', 'application']) });

/** The customer who owns, or is asked about; `null` is the seller. */
function ownerOf(owner: Read<{ owner: typeof ownerTable }>['owner']): string | null {
  if (owner?.type !== 'customer') {
    if (owner?.customer === undefined) return null;
    throw invalidParam('A customer can only be given when `owner[type]` is `customer`.', 'owner[customer]');
  }
  if (owner.customer === undefined) throw missingParam('owner[customer]');
  return owner.customer;
}

export const taxIdRoutes = [
  route('POST /v1/customers/{id}/tax_ids', table, (context, params, id) =>
    createTaxId(context, params, findCustomer(context.tx, id).id),
  ),
  route('GET /v1/customers/{id}/tax_ids', pageParams, ({ tx }, params, id) => {
    findCustomer(tx, id);
    return page(`/v1/customers/${id}/tax_ids`, taxIdsOf(tx, id), params, 'tax ID', renderTaxId);
  }),
  route('GET /v1/customers/{id}/tax_ids/{id}', {}, ({ tx }, _params, ids) => {
    const [customer = '', id = ''] = ids.split('/');
    return renderTaxId(find(tx, id, customer));
  }),
  route('DELETE /v1/customers/{id}/tax_ids/{id}', {}, (context, _params, ids) => {
    const [customer = '', id = ''] = ids.split('/');
    return remove(context, id, (record) => record.customer === customer);
  }),
  route('POST /v1/tax_ids', { ...table, owner: ownerTable }, (context, params) => {
    const owner = ownerOf(params.owner);
    return createTaxId(context, params, owner === null ? null : findCustomer(context.tx, owner, 'owner[customer]').id);
  }),
  route('GET /v1/tax_ids/{id}', {}, ({ tx }, _params, id) => renderTaxId(find(tx, id, null))),
  route('DELETE /v1/tax_ids/{id}', {}, (context, _params, id) => remove(context, id, () => true)),
  route('GET /v1/tax_ids', { ...pageParams, owner: ownerTable }, ({ tx }, params) => {
    const customer = ownerOf(params.owner);
    const wanted = tx.all('tax_id').filter((each) => each.customer === customer);
    return page('/v1/tax_ids', wanted, params, 'tax ID', renderTaxId);
  }),
];
