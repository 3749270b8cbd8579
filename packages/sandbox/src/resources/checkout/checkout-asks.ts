import { missingParam } from '../../contract/contract.ts';
import { invalidParam } from '../../http/api-error.ts';
import type { Param, Read } from '../../http/params.ts';
import type { CheckoutSessionRecord, CustomFieldRecord, SessionAsks } from '../../store/records.ts';
import type { askTable } from './checkout-params.ts';

type Params = Partial<Read<typeof askTable>>;
type Given<T> = T extends Param<infer V> ? NonNullable<V> : never;
type Name = { enabled?: boolean | undefined; optional?: boolean | undefined } | undefined;

/** What the page asks for, from the parameters. */
export function asksOf(params: Params, needs_address: boolean): SessionAsks {
  const name = (given: Name): 'optional' | 'required' | null =>
    given?.enabled === true ? (given.optional === true ? 'optional' : 'required') : null;
  return {
    billing_address: params.billing_address_collection ?? null,
    needs_address: params.billing_address_collection === 'required' || needs_address,
    business_name: name(params.name_collection?.business),
    individual_name: name(params.name_collection?.individual),
    phone: params.phone_number_collection?.enabled ?? false,
    promotions: params.consent_collection?.promotions === 'auto',
    reuse: params.consent_collection?.payment_method_reuse_agreement?.position ?? null,
    shipping_countries: params.shipping_address_collection?.allowed_countries ?? null,
    tax_id: params.tax_id_collection?.enabled === true ? (params.tax_id_collection.required ?? 'never') : null,
    terms: params.consent_collection?.terms_of_service === 'required',
  };
}

/** The seller's own questions. */
export function customFieldsOf(given: Given<(typeof askTable)['custom_fields']>): CustomFieldRecord[] {
  return given.map((field, index) => {
    const path = `custom_fields[${index}]`;
    const { key, type } = field;
    if (key === undefined) throw missingParam(`${path}[key]`);
    if (type === undefined) throw missingParam(`${path}[type]`);
    if (!/^[a-zA-Z0-9]+$/.test(key)) throw invalidParam('A key may have letters and digits only.', `${path}[key]`);
    if (given.findIndex((each) => each.key === key) !== index) {
      throw invalidParam('The keys of custom fields must differ.', `${path}[key]`);
    }
    const options = (field.dropdown?.options ?? []).map(({ label = '', value = '' }) => ({ label, value }));
    if (type === 'dropdown' && options.length === 0) throw missingParam(`${path}[dropdown][options]`);
    const bounds = type === 'numeric' ? field.numeric : field.text;
    return {
      key,
      label: field.label?.custom ?? key,
      optional: field.optional ?? false,
      type,
      default_value: (type === 'dropdown' ? field.dropdown?.default_value : bounds?.default_value) ?? null,
      minimum_length: bounds?.minimum_length ?? null,
      maximum_length: bounds?.maximum_length ?? null,
      options,
      value: null,
    };
  });
}

/** Sentences of the seller's that stand on the page. */
export function customTextOf(
  given: Given<(typeof askTable)['custom_text']> | Record<string, never>,
): NonNullable<CheckoutSessionRecord['custom_text']> {
  const texts: NonNullable<CheckoutSessionRecord['custom_text']> = {};
  for (const name of ['after_submit', 'shipping_address', 'submit', 'terms_of_service_acceptance'] as const) {
    const message = given[name]?.message;
    if (message !== undefined) texts[name] = message;
  }
  return texts;
}
