import type Stripe from 'stripe';
import type { Wire } from '../../contract/wire.ts';
import { invalidParam, noSuch } from '../../http/api-error.ts';
import { page, pageParams, range, within } from '../../http/lists.ts';
import { decimal, flag, mergeMetadata, metadata, oneOf, type Param, text } from '../../http/params.ts';
import { route } from '../../http/route.ts';
import { taxTypes } from '../../billing/tax-names.ts';
import type { TaxRateRecord } from '../../store/money-records.ts';
import type { Tx } from '../../store/store.ts';
import { emit, emitUpdate } from '../context.ts';

/** Renders a tax rate. */
export function renderTaxRate(rate: TaxRateRecord): Wire<Stripe.TaxRate> {
  return {
    id: rate.id,
    object: 'tax_rate',
    active: rate.active,
    country: rate.country,
    created: rate.created,
    description: rate.description,
    display_name: rate.display_name,
    effective_percentage: null,
    flat_amount: null,
    inclusive: rate.inclusive,
    jurisdiction: rate.jurisdiction,
    jurisdiction_level: rate.jurisdiction_level ?? null,
    livemode: false,
    metadata: rate.metadata,
    percentage: Number(rate.percentage),
    rate_type: 'percentage',
    state: rate.state,
    tax_type: rate.tax_type,
  };
}

/** Tax rates by the ids given for something that is billed; an archived one is for what has it already. */
export function findTaxRates(tx: Tx, ids: readonly string[], param: string): string[] {
  for (const [index, id] of ids.entries()) {
    const rate = tx.get('tax_rate', id);
    if (rate === undefined) throw noSuch('tax rate', id, `${param}[${index}]`);
    if (!rate.active) {
      throw invalidParam(`The tax rate ${id} cannot be used because it has been archived.`, `${param}[${index}]`);
    }
    if (ids.indexOf(id) !== index) throw invalidParam(`The tax rate ${id} is given twice.`, `${param}[${index}]`);
  }
  return [...ids];
}

/** A percentage of at most four places, from 0 to 100. */
export const percentage: Param<string> = {
  read(value, path) {
    const read = decimal().read(value, path);
    if (!/^\d{1,3}(\.\d{1,4})?$/.test(read) || Number(read) > 100) {
      throw invalidParam(`Invalid percentage: ${read}; it must lie between 0 and 100, with at most 4 places.`, path);
    }
    return read;
  },
};

const table = {
  active: flag(),
  country: text(2),
  description: text(),
  display_name: text(50),
  jurisdiction: text(200),
  metadata: metadata(),
  state: text(100),
  tax_type: oneOf(taxTypes),
};

function find(tx: Tx, id: string): TaxRateRecord {
  const rate = tx.get('tax_rate', id);
  if (rate === undefined) throw noSuch('tax rate', id);
  return rate;
}

export const taxRateRoutes = [
  route('POST /v1/tax_rates', { ...table, inclusive: flag(), percentage }, (context, params) => {
    const { tx } = context;
    const rate = tx.put('tax_rate', {
      id: tx.newId('txr_'),
      created: tx.now,
      active: params.active ?? true,
      country: params.country ?? null,
      description: params.description ?? null,
      display_name: params.display_name ?? '',
      inclusive: params.inclusive ?? false,
      jurisdiction: params.jurisdiction ?? null,
      metadata: mergeMetadata({}, params.metadata),
      percentage: params.percentage ?? '0',
      state: params.state ?? null,
      tax_type: params.tax_type ?? null,
    });
    emit(context, 'tax_rate.created', renderTaxRate(rate));
    return renderTaxRate(rate);
  }),
  route('GET /v1/tax_rates/{id}', {}, ({ tx }, _params, id) => renderTaxRate(find(tx, id))),
  route('POST /v1/tax_rates/{id}', table, (context, params, id) => {
    const { tx } = context;
    const old = find(tx, id);
    const rate = tx.put('tax_rate', {
      ...old,
      active: params.active ?? old.active,
      country: params.country ?? old.country,
      description: params.description ?? old.description,
      display_name: params.display_name ?? old.display_name,
      jurisdiction: params.jurisdiction ?? old.jurisdiction,
      metadata: mergeMetadata(old.metadata, params.metadata),
      state: params.state ?? old.state,
      tax_type: params.tax_type ?? old.tax_type,
    });
    emitUpdate(context, 'tax_rate.updated', renderTaxRate(old), renderTaxRate(rate));
    return renderTaxRate(rate);
  }),
  route(
    'GET /v1/tax_rates',
    { ...pageParams, active: flag(), created: range(), inclusive: flag() },
    ({ tx }, params) => {
      const wanted = tx.all('tax_rate').filter((rate) => {
        if (params.active !== undefined && rate.active !== params.active) return false;
        if (params.inclusive !== undefined && rate.inclusive !== params.inclusive) return false;
        return within(rate.created, params.created);
      });
      return page('/v1/tax_rates', wanted, params, 'tax rate', renderTaxRate);
    },
  ),
];
