import type { EnteredCard, PaymentFailure } from '../store/records.ts';
import { html, type Html } from './html.ts';

/** What stands in the fields of a card form. */
export interface CardFields {
  email: string;
  number: string;
  exp: string;
  cvc: string;
  name: string;
}

/** A field that cannot be right. */
export interface CardFault {
  field: string;
  failure: PaymentFailure;
}

const buttons: readonly { number: string; label: string }[] = [
  { number: '4242424242424242', label: 'succeeds' },
  { number: '4000000000000002', label: 'is declined' },
  { number: '4000000000009995', label: 'has insufficient funds' },
  { number: '4000002500003155', label: 'asks for 3-D Secure once' },
  { number: '4000000000003220', label: 'asks for 3-D Secure 2' },
];

function grouped(number: string): string {
  return number.replaceAll(/(\d{4})(?=\d)/g, '$1 ');
}

function field(
  fields: CardFields,
  fault: CardFault | null,
  name: keyof CardFields,
  label: string,
  attributes: Html,
  required: boolean,
): Html {
  const wrong = fault?.field === name;
  return html`<div class="field">
    <label for="${name}">${label}</label
    ><input
      id="${name}"
      name="${name}"
      value="${fields[name]}"
      ${required ? html`required ` : null}${attributes}${wrong ? html` aria-invalid="true" aria-describedby="error"` : null}
    />
  </div>`;
}

/** The message above the form. */
export function errorBox(failure: PaymentFailure | null): Html | null {
  return failure === null ? null : html`<p class="error" id="error" role="alert">${failure.message}</p>`;
}

/** The fields of a card, labelled and known to the browser's autofill. */
export function cardFields(fields: CardFields, fault: CardFault | null, required = true): Html {
  const one = (name: keyof CardFields, label: string, attributes: Html): Html =>
    field(fields, fault, name, label, attributes, required);
  return html`${one('number', 'Card number', html`inputmode="numeric" autocomplete="cc-number" placeholder="1234 1234 1234 1234"`)}
    <div class="pair">
      ${one('exp', 'Expiry (MM / YY)', html`inputmode="numeric" autocomplete="cc-exp" placeholder="MM / YY"`)}
      ${one('cvc', 'CVC', html`inputmode="numeric" autocomplete="cc-csc" maxlength="4"`)}
    </div>
    ${one('name', 'Name on card', html`autocomplete="cc-name"`)}`;
}

/**
 * Buttons that fill in a test card. They stand after the pay button, so that the Enter key pays, and belong to the
 * form by its id, so that what was typed is not lost.
 */
export function testCards(form_id: string): Html {
  return html`<section class="test" aria-labelledby="test-cards">
    <h2 id="test-cards">Test cards</h2>
    <p class="soft small">A button fills in the card, which is then yours to send. Any other real number is refused.</p>
    <ul class="cards">
      ${buttons.map(
        ({ number, label }) =>
          html`<li>
            <button form="${form_id}" name="fill" value="${number}" formnovalidate>
              <code>${grouped(number)}</code> ${label}
            </button>
          </li>`,
      )}
    </ul>
  </section>`;
}

/** The fields as they were sent; a pressed test-card button replaces the card. */
export function readFields(form: URLSearchParams, fallback: Partial<CardFields>, year: number): CardFields {
  const value = (name: keyof CardFields): string => form.get(name)?.trim() ?? fallback[name] ?? '';
  const fields = {
    email: value('email'),
    number: value('number'),
    exp: value('exp'),
    cvc: value('cvc'),
    name: value('name'),
  };
  const fill = form.get('fill');
  if (fill === null) return fields;
  const number = buttons.find((each) => each.number === fill)?.number ?? '';
  return {
    ...fields,
    number: grouped(number),
    exp: fields.exp === '' ? `12 / ${String((year + 4) % 100).padStart(2, '0')}` : fields.exp,
    cvc: fields.cvc === '' ? '123' : fields.cvc,
    name: fields.name === '' ? 'Test Buyer' : fields.name,
  };
}

function fault(field_name: keyof CardFields, code: string, message: string): CardFault {
  return { field: field_name, failure: { code, decline_code: null, message } };
}

function passesLuhn(digits: string): boolean {
  let sum = 0;
  for (const [index, digit] of digits.split('').toReversed().entries()) {
    const value = index % 2 === 0 ? Number(digit) : Number(digit) * 2;
    sum += value > 9 ? value - 9 : value;
  }
  return sum % 10 === 0;
}

/** Why the address cannot be right. */
export function checkEmail(fields: CardFields): CardFault | null {
  return /^[^\s@]+@[^\s@]+$/.test(fields.email) ? null : fault('email', 'email_invalid', 'Your email is invalid.');
}

/** Checks what Stripe's page checks before it asks the bank. */
export function checkFields(fields: CardFields, now_ms: number): EnteredCard | CardFault {
  const wrong = checkEmail(fields);
  if (wrong !== null) return wrong;
  const number = fields.number.replaceAll(/[\s-]/g, '');
  if (!/^\d{12,19}$/.test(number) || !passesLuhn(number)) {
    return fault('number', 'incorrect_number', 'Your card number is incorrect.');
  }
  const expiry = /^(\d{1,2})\s*\/?\s*(\d{2}|\d{4})$/.exec(fields.exp);
  const exp_month = Number(expiry?.[1]);
  if (expiry === null || exp_month < 1 || exp_month > 12) {
    return fault('exp', 'invalid_expiry_month', "Your card's expiration date is invalid.");
  }
  const exp_year = (Number(expiry[2]) % 100) + 2_000;
  if (Date.UTC(exp_year, exp_month) <= now_ms) {
    return fault('exp', 'invalid_expiry_year', "Your card's expiration year is in the past.");
  }
  if (!/^\d{3,4}$/.test(fields.cvc)) return fault('cvc', 'invalid_cvc', "Your card's security code is invalid.");
  if (fields.name === '') return fault('name', 'incorrect_name', 'Please enter the name on the card.');
  return { number, exp_month, exp_year, name: fields.name, email: fields.email };
}
