import type {
  Address,
  CheckoutSessionRecord,
  CustomFieldRecord,
  PaymentFailure,
  SessionAnswers,
} from '../../store/records.ts';
import { taxIdFault } from '../customers/tax-ids.ts';
import { asks_nothing } from './checkout-render.ts';

/** A field that cannot be right. */
export interface FieldFault {
  field: string;
  failure: PaymentFailure;
}

/** Everything the payer has answered besides the card. */
export interface Answered {
  answers: SessionAnswers;
  custom_fields: CustomFieldRecord[];
}

function fault(field: string, message: string): FieldFault {
  return { field, failure: { code: 'field_invalid', decline_code: null, message } };
}

/** The countries whose people write no postal code. */
const no_postal_code = new Set(['AE', 'AO', 'BO', 'BS', 'HK', 'IE', 'JM', 'KE', 'PA', 'QA', 'ZW']);

/** Reads an address of the form; `prefix` names its fields. */
function readAddress(form: URLSearchParams, prefix: string): Address {
  const value = (name: string): string | null => {
    const typed = form.get(`${prefix}_${name}`)?.trim() ?? '';
    return typed === '' ? null : typed;
  };
  return {
    city: value('city'),
    country: value('country'),
    line1: value('line1'),
    line2: value('line2'),
    postal_code: value('postal_code'),
    state: value('state'),
  };
}

function addressFault(address: Address, prefix: string, countries: readonly string[] | null): FieldFault | null {
  if (address.country === null) return fault(`${prefix}_country`, 'Please choose a country.');
  if (countries !== null && !countries.includes(address.country)) {
    return fault(`${prefix}_country`, 'The seller does not send to this country.');
  }
  if (address.line1 === null) return fault(`${prefix}_line1`, 'Please enter an address.');
  if (address.city === null) return fault(`${prefix}_city`, 'Please enter a city.');
  if (address.postal_code === null && !no_postal_code.has(address.country)) {
    return fault(`${prefix}_postal_code`, 'Please enter a postal code.');
  }
  return null;
}

function fieldFault(field: CustomFieldRecord, value: string): FieldFault | null {
  const name = `custom_${field.key}`;
  if (value === '') return field.optional ? null : fault(name, `Please answer "${field.label}".`);
  if (field.type === 'dropdown') {
    return field.options.some((option) => option.value === value) ? null : fault(name, 'Please choose an answer.');
  }
  if (field.type === 'numeric' && !/^\d+$/.test(value)) return fault(name, `"${field.label}" must be a number.`);
  const { minimum_length: least, maximum_length: most } = field;
  if (least !== null && value.length < least) {
    return fault(name, `"${field.label}" must have at least ${least} characters.`);
  }
  return most !== null && value.length > most
    ? fault(name, `"${field.label}" may have at most ${most} characters.`)
    : null;
}

/** What stands in the form, right or wrong. */
export function typedAnswers(session: CheckoutSessionRecord, form: URLSearchParams): Answered {
  const asks = session.asks ?? asks_nothing;
  const typed = (name: string): string | null => {
    const value = form.get(name)?.trim() ?? '';
    return value === '' ? null : value;
  };
  const tax_value = typed('tax_id_value');
  const ships = asks.shipping_countries !== null;
  return {
    answers: {
      address: asks.needs_address === true ? readAddress(form, 'billing') : null,
      business_name: asks.business_name === null && asks.tax_id === null ? null : typed('business_name'),
      individual_name: asks.individual_name === null ? null : typed('individual_name'),
      phone: asks.phone ? typed('phone') : null,
      promotions: asks.promotions ? (form.get('promotions') === 'on' ? 'opt_in' : 'opt_out') : null,
      save: session.saved_cards?.save === true && form.get('save') === 'on',
      shipping: ships
        ? {
            address: readAddress(form, 'shipping'),
            carrier: null,
            name: typed('shipping_name') ?? '',
            phone: asks.phone ? typed('phone') : null,
            tracking_number: null,
          }
        : (session.answers?.shipping ?? null),
      tax_id:
        asks.tax_id === null || tax_value === null ? null : { type: typed('tax_id_type') ?? '', value: tax_value },
      terms: asks.terms && form.get('terms') === 'on',
    },
    custom_fields: (session.custom_fields ?? []).map((field) => ({ ...field, value: typed(`custom_${field.key}`) })),
  };
}

/** Why the answers cannot be taken; `null` when they can. */
export function answersFault(session: CheckoutSessionRecord, { answers, custom_fields }: Answered): FieldFault | null {
  const asks = session.asks ?? asks_nothing;
  if (asks.phone && !/^\+?[\d ().-]{5,20}$/.test(answers.phone ?? '')) {
    return fault('phone', 'Please enter a phone number.');
  }
  for (const name of ['business_name', 'individual_name'] as const) {
    if (asks[name] === 'required' && answers[name] === null) return fault(name, 'Please enter a name.');
  }
  if (asks.shipping_countries !== null) {
    if ((answers.shipping?.name ?? '') === '') return fault('shipping_name', 'Please enter a name.');
    const wrong =
      answers.shipping === null ? null : addressFault(answers.shipping.address, 'shipping', asks.shipping_countries);
    if (wrong !== null) return wrong;
  }
  if (answers.address !== null) {
    const wrong = addressFault(answers.address, 'billing', null);
    if (wrong !== null) return wrong;
  }
  for (const field of custom_fields) {
    const wrong = fieldFault(field, field.value ?? '');
    if (wrong !== null) return wrong;
  }
  const { tax_id } = answers;
  if (tax_id !== null && taxIdFault(tax_id.type, tax_id.value) !== null) {
    return fault('tax_id_value', 'This tax ID is not valid for its kind.');
  }
  if (asks.terms && !answers.terms) return fault('terms', 'Please accept the terms of service.');
  return null;
}
