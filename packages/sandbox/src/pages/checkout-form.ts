import { formatAmount } from '../billing/money.ts';
import { typedAnswers } from '../resources/checkout/checkout-answers.ts';
import { savedCards } from '../resources/checkout/checkout-basket.ts';
import { needsCard } from '../resources/checkout/checkout-payment.ts';
import { asks_nothing } from '../resources/checkout/checkout-render.ts';
import { anchoringNow } from '../resources/checkout/checkout-start.ts';
import { sessionTotal } from '../resources/checkout/checkout-sums.ts';
import type { Address, CheckoutSessionRecord, CustomFieldRecord, PaymentFailure } from '../store/records.ts';
import type { Tx } from '../store/store.ts';
import { type CardFault, type CardFields, cardFields, errorBox } from './card-form.ts';
import { thenText } from './checkout-summary.ts';
import { countries } from './countries.ts';
import { html, type Html } from './html.ts';
import { cardName } from './portal-parts.ts';

/** What the form shows: what was typed, and what is wrong with it. */
export interface ShownForm {
  fields: CardFields;
  form: URLSearchParams;
  failure: PaymentFailure | null;
  fault: CardFault | null;
}

function wrong(shown: ShownForm, name: string): Html | null {
  return shown.fault?.field === name ? html` aria-invalid="true" aria-describedby="error"` : null;
}

function input(
  shown: ShownForm,
  name: string,
  label: string,
  facts: { value: string | null; required?: boolean; attributes?: Html },
): Html {
  const { value, required = true, attributes = null } = facts;
  return html`<div class="field">
    <label for="${name}">${label}${required ? null : html` <span class="soft">(optional)</span>`}</label
    ><input
      id="${name}"
      name="${name}"
      value="${value}"
      ${required ? html` required` : null}${attributes}${wrong(shown, name)}
    />
  </div>`;
}

function select(
  shown: ShownForm,
  name: string,
  label: string,
  facts: { options: readonly { label: string; value: string }[]; required?: boolean; value: string | null },
): Html {
  const { options, required = true, value } = facts;
  return html`<div class="field">
    <label for="${name}">${label}${required ? null : html` <span class="soft">(optional)</span>`}</label
    ><select id="${name}" name="${name}" ${required ? html` required` : null}${wrong(shown, name)}>
      <option value="">Choose…</option>
      ${options.map(
        (option) =>
          html`<option value="${option.value}" ${option.value === value ? html` selected` : null}>
            ${option.label}
          </option>`,
      )}
    </select>
  </div>`;
}

function addressFields(
  shown: ShownForm,
  prefix: 'billing' | 'shipping',
  address: Address | null,
  allowed: readonly string[] | null,
): Html {
  const options = countries()
    .filter(({ code }) => allowed === null || allowed.includes(code))
    .map(({ code, name }) => ({ label: name, value: code }));
  const fill = (name: string): Html => html` autocomplete="${prefix} ${name}"`;
  return html`${select(shown, `${prefix}_country`, 'Country', { options, value: address?.country ?? null })}
    ${input(shown, `${prefix}_line1`, 'Address', { value: address?.line1 ?? null, attributes: fill('address-line1') })}
    ${input(shown, `${prefix}_line2`, 'Address, second line', {
      value: address?.line2 ?? null,
      required: false,
      attributes: fill('address-line2'),
    })}
    <div class="pair">
      ${input(shown, `${prefix}_postal_code`, 'Postal code', {
        value: address?.postal_code ?? null,
        required: false,
        attributes: fill('postal-code'),
      })}
      ${input(shown, `${prefix}_city`, 'City', { value: address?.city ?? null, attributes: fill('address-level2') })}
    </div>
    ${input(shown, `${prefix}_state`, 'State or province', {
      value: address?.state ?? null,
      required: false,
      attributes: fill('address-level1'),
    })}`;
}

const tax_types = [
  ['eu_vat', 'EU VAT'],
  ['gb_vat', 'UK VAT'],
  ['us_ein', 'US EIN'],
  ['au_abn', 'Australian ABN'],
  ['br_cnpj', 'Brazilian CNPJ'],
  ['ca_bn', 'Canadian BN'],
  ['ch_vat', 'Swiss VAT'],
  ['in_gst', 'Indian GST'],
  ['jp_cn', 'Japanese corporate number'],
  ['no_vat', 'Norwegian VAT'],
].map(([value = '', label = '']) => ({ label, value }));

function customField(shown: ShownForm, field: CustomFieldRecord): Html {
  const name = `custom_${field.key}`;
  const value = field.value ?? field.default_value;
  const required = !field.optional;
  if (field.type === 'dropdown') return select(shown, name, field.label, { options: field.options, required, value });
  const mode = field.type === 'numeric' ? html` inputmode="numeric"` : null;
  const bounds = html`${field.maximum_length === null ? null : html` maxlength="${field.maximum_length}"`}${mode}`;
  return input(shown, name, field.label, { value, required, attributes: bounds });
}

function check(shown: ShownForm, name: string, label: Html | string, is_on: boolean, required = false): Html {
  return html`<label class="choice"
    ><input
      type="checkbox"
      name="${name}"
      ${is_on ? html` checked` : null}${required ? html` required` : null}${wrong(shown, name)}
    /><span>${label}</span></label
  >`;
}

/** Everything that is asked for besides the card. */
function asked(session: CheckoutSessionRecord, shown: ShownForm): { before: Html; after: Html } {
  const asks = session.asks ?? asks_nothing;
  const { answers, custom_fields } = typedAnswers(session, shown.form);
  const person = (name: 'business_name' | 'individual_name', label: string): Html | null => {
    const how = asks[name] ?? (name === 'business_name' && asks.tax_id !== null ? 'optional' : null);
    return how === null ? null : input(shown, name, label, { value: answers[name], required: how === 'required' });
  };
  const text = session.custom_text ?? {};
  const before = html`${
    asks.phone
      ? input(shown, 'phone', 'Phone', { value: answers.phone, attributes: html` type="tel" autocomplete="tel"` })
      : null
  }${person('individual_name', 'Your name')}${person('business_name', 'Business name')}
  ${
    asks.shipping_countries === null
      ? null
      : html`<fieldset>
          <legend>Shipping</legend>
          ${text.shipping_address === undefined ? null : html`<p class="soft small">${text.shipping_address}</p>`}
          ${input(shown, 'shipping_name', 'Name', {
            value: answers.shipping?.name ?? null,
            attributes: html` autocomplete="shipping name"`,
          })}
          ${addressFields(shown, 'shipping', answers.shipping?.address ?? null, asks.shipping_countries)}
        </fieldset>`
  }`;
  const after = html`${
    asks.needs_address === true
      ? html`<fieldset>
          <legend>Billing address</legend>
          ${addressFields(shown, 'billing', answers.address, null)}
        </fieldset>`
      : null
  }
  ${
    asks.tax_id === null
      ? null
      : html`<fieldset>
          <legend>Buying as a business</legend>
          <div class="pair">
            ${select(shown, 'tax_id_type', 'Kind of tax ID', {
              options: tax_types,
              required: false,
              value: answers.tax_id?.type ?? null,
            })}
            ${input(shown, 'tax_id_value', 'Tax ID', { value: answers.tax_id?.value ?? null, required: false })}
          </div>
        </fieldset>`
  }
  ${custom_fields.map((field) => customField(shown, field))}
  ${session.saved_cards?.save === true ? check(shown, 'save', 'Save this card for later', answers.save) : null}
  ${
    asks.promotions
      ? check(shown, 'promotions', 'Send me news and offers by email', answers.promotions === 'opt_in')
      : null
  }
  ${
    asks.terms
      ? check(
          shown,
          'terms',
          text.terms_of_service_acceptance ?? 'I agree to the terms of service',
          answers.terms,
          true,
        )
      : null
  }`;
  return { before, after };
}

/** The card: one of those that are saved, or another. */
function cardPart(tx: Tx, session: CheckoutSessionRecord, shown: ShownForm): Html {
  const cards = savedCards(tx, session);
  if (cards.length === 0) return cardFields(shown.fields, shown.fault);
  const picked = shown.form.get('method') ?? cards[0]?.id ?? 'new';
  const radio = (value: string, label: string): Html =>
    html`<label class="choice"
      ><input type="radio" name="method" value="${value}" ${picked === value ? html` checked` : null} />${label}</label
    >`;
  return html`<fieldset class="saved">
      <legend>Card</legend>
      ${cards.map((method) => radio(method.id, cardName(method)))}${radio('new', 'Another card')}
    </fieldset>
    <div class="new-card">${cardFields(shown.fields, shown.fault, false)}</div>`;
}

/** Buttons that take a saved card away. They belong to a form of their own, so that Enter never presses one. */
function removals(tx: Tx, session: CheckoutSessionRecord): Html | null {
  const cards = session.saved_cards?.remove === true ? savedCards(tx, session) : [];
  if (cards.length === 0) return null;
  return html`<form method="post" action="/c/pay/${session.id}" class="inline">
    <input type="hidden" name="action" value="remove" />
    ${cards.map((method) => html`<button name="card" value="${method.id}">Remove ${cardName(method)}</button>`)}
  </form>`;
}

function label(tx: Tx, session: CheckoutSessionRecord): string {
  const total = sessionTotal(tx, session);
  const amount = formatAmount(total, session.currency);
  if (session.mode === 'setup') return 'Save card';
  if (session.trial != null) return 'Start trial';
  if (total === 0) return session.mode === 'payment' ? 'Complete order' : 'Subscribe';
  const verbs = { auto: 'Pay', book: 'Book for', donate: 'Donate', pay: 'Pay', subscribe: 'Subscribe for' };
  return `${verbs[session.submit_type ?? 'auto']} ${amount}`;
}

/** What pressing the button agrees to. */
function consequence(tx: Tx, session: CheckoutSessionRecord): string | null {
  const then = thenText(tx, session);
  if (then === null) return null;
  const total = formatAmount(sessionTotal(tx, session), session.currency);
  const anchoring = anchoringNow(tx, session);
  if (session.trial == null && anchoring?.anchor != null) {
    const from = new Date(anchoring.anchor * 1000).toISOString().slice(0, 10);
    return `You will be charged ${total} now and ${then} from ${from} on, at the start of every period, until you cancel.`;
  }
  return session.trial == null
    ? `You will be charged ${total} now and at the start of every following period, until you cancel.`
    : `Nothing is charged now. When the trial ends you will be charged ${then}, until you cancel.`;
}

/** That the card is kept and may be charged again, unless the seller says so elsewhere. */
function reuse(session: CheckoutSessionRecord): string | null {
  const keeps = session.mode !== 'payment' || session.payment_data?.setup_future_usage === 'off_session';
  if (!keeps || session.asks?.reuse === 'hidden') return null;
  return 'By pressing the button you agree that your card is kept and charged for what becomes due later.';
}

/** The payer's side of the page. */
export function payForm(tx: Tx, session: CheckoutSessionRecord, shown: ShownForm): Html {
  const known = session.customer_details?.email ?? session.customer_email;
  const { before, after } = asked(session, shown);
  const pays = needsCard({ tx }, session);
  const said = consequence(tx, session);
  const submit_text = session.custom_text?.submit;
  return html`<section class="pay card" aria-labelledby="pay-title">
    <h2 id="pay-title">${pays ? (session.mode === 'setup' ? 'Save a card' : 'Pay with card') : 'Your details'}</h2>
    ${errorBox(shown.failure)}
    <form id="pay" method="post" action="/c/pay/${session.id}">
      ${input(shown, 'email', 'Email', {
        value: known ?? shown.fields.email,
        attributes: html` type="email" autocomplete="email"${known === null ? null : html` readonly`}`,
      })}${before}${pays ? cardPart(tx, session, shown) : null}${after}
      ${submit_text === undefined ? null : html`<p class="soft small">${submit_text}</p>`}
      <button class="primary" name="action" value="pay">${label(tx, session)}</button>
    </form>
    ${[said, pays ? reuse(session) : null].map((text) => (text === null ? null : html`<p class="soft small">${text}</p>`))}${removals(tx, session)}
  </section>`;
}
