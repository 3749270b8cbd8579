import type { FormHash } from '../http/form.ts';
import type { PaymentFailure } from '../store/records.ts';
import { type CardFault, type CardFields, cardFields, errorBox, testCards } from './card-form.ts';
import { html, type Html } from './html.ts';
import { alertBox, hrefOf, portalPage, type Visit } from './portal-parts.ts';

/** What a card form shows. */
export interface ShownCard {
  fields: CardFields;
  failure: PaymentFailure | null;
  fault: CardFault | null;
}

/** The form for another card. */
export function cardPage(visit: Visit, shown: ShownCard): Response {
  return portalPage(
    visit,
    'Add payment method',
    html`<h1>Add payment method</h1>
      <section class="card" aria-labelledby="card-title">
        <h2 id="card-title">Card</h2>
        ${errorBox(shown.failure)}
        <form id="card" method="post" action="${hrefOf(visit, 'payment-methods/add')}">
          <input type="hidden" name="email" value="${shown.fields.email}" />${cardFields(shown.fields, shown.fault)}
          <button class="primary" name="action" value="save">Save card</button>
        </form>
        <p class="soft small">It becomes the default, also for your current subscriptions.</p>
      </section>
      ${testCards('card')}`,
    hrefOf(visit),
  );
}

/** The step in which the bank asks the holder of a card. */
export function confirmCardPage(visit: Visit): Response {
  const last4 = visit.session.authenticating?.number.slice(-4) ?? '';
  return portalPage(
    visit,
    'Confirm this card',
    html`<h1>Confirm this card</h1>
      <p>
        The bank of the card ending in ${last4} asks its holder to let ${visit.account_name} keep it. This is the 3-D
        Secure step.
      </p>
      <form method="post" action="${hrefOf(visit, 'payment-methods/authenticate')}" class="inline">
        <button class="primary" name="action" value="authenticate">Complete authentication</button>
        <button name="action" value="fail">Fail authentication</button>
      </form>`,
    hrefOf(visit),
  );
}

/** The form for what invoices say about the customer. */
export function billingPage(visit: Visit, message: string | null, form: URLSearchParams | null): Response {
  const { customer, configuration } = visit;
  const allowed = configuration.features.customer_update.allowed_updates;
  const field = (name: string, label: string, value: string | null, complete: string, type = 'text'): Html =>
    html`<div class="field">
      <label for="${name}">${label}</label
      ><input
        id="${name}"
        name="${name}"
        type="${type}"
        value="${form?.get(name) ?? value}"
        autocomplete="${complete}"
      />
    </div>`;
  const { address } = customer;
  return portalPage(
    visit,
    'Billing information',
    html`<h1>Billing information</h1>
      ${alertBox(message)}
      <section class="card">
        <form method="post" action="${hrefOf(visit, 'billing')}">
          ${allowed.includes('name') ? field('name', 'Name', customer.name, 'name') : null}
          ${allowed.includes('email') ? field('email', 'Email', customer.email, 'email', 'email') : null}
          ${
            allowed.includes('address')
              ? html`${field('line1', 'Address', address?.line1 ?? null, 'address-line1')}
                  ${field('line2', 'Address, second line', address?.line2 ?? null, 'address-line2')}
                  <div class="pair">
                    ${field('postal_code', 'Postal code', address?.postal_code ?? null, 'postal-code')}
                    ${field('city', 'City', address?.city ?? null, 'address-level2')}
                  </div>
                  <div class="pair">
                    ${field('state', 'State or region', address?.state ?? null, 'address-level1')}
                    ${field('country', 'Country (two letters)', address?.country ?? null, 'country')}
                  </div>`
              : null
          }
          ${allowed.includes('phone') ? field('phone', 'Phone', customer.phone, 'tel', 'tel') : null}
          <button class="primary">Save</button>
        </form>
      </section>`,
    hrefOf(visit),
  );
}

/** What `customers.update` is given for a press on "Save". */
export function customerChange(visit: Visit, form: URLSearchParams): FormHash {
  const allowed = visit.configuration.features.customer_update.allowed_updates;
  const sent: FormHash = {};
  for (const name of ['name', 'email', 'phone'] as const) {
    const value = form.get(name);
    if (allowed.includes(name) && value !== null) sent[name] = value.trim();
  }
  if (!allowed.includes('address')) return sent;
  const address: FormHash = {};
  for (const name of ['line1', 'line2', 'postal_code', 'city', 'state', 'country']) {
    const value = form.get(name)?.trim() ?? '';
    if (value !== '') address[name] = value;
  }
  sent['address'] = Object.keys(address).length === 0 ? '' : address;
  return sent;
}

/** The end of a flow that stays on the portal. */
export function donePage(visit: Visit): Response {
  const { flow } = visit.session;
  return portalPage(
    visit,
    'Done',
    html`<h1>Your changes are saved</h1>
      ${flow?.after.message === null || flow === null ? null : html`<p>${flow.after.message}</p>`}
      <p><a class="button" href="${hrefOf(visit)}">See your billing</a></p>`,
  );
}

/** Kinds of tax ids that are asked for by name; the API takes all of Stripe's. */
const taxKinds: readonly (readonly [string, string])[] = [
  ['eu_vat', 'European VAT number'],
  ['gb_vat', 'United Kingdom VAT number'],
  ['us_ein', 'United States EIN'],
  ['au_abn', 'Australian business number'],
  ['br_cnpj', 'Brazilian CNPJ'],
  ['ca_bn', 'Canadian business number'],
  ['ca_gst_hst', 'Canadian GST/HST number'],
  ['ch_vat', 'Swiss VAT number'],
  ['in_gst', 'Indian GST number'],
  ['jp_trn', 'Japanese tax registration number'],
  ['no_vat', 'Norwegian VAT number'],
  ['nz_gst', 'New Zealand GST number'],
  ['sg_gst', 'Singaporean GST number'],
  ['za_vat', 'South African VAT number'],
];

/** The form for another tax id. */
export function taxIdPage(visit: Visit, message: string | null, form: URLSearchParams): Response {
  const picked = form.get('type') ?? '';
  return portalPage(
    visit,
    'Add tax ID',
    html`<h1>Add tax ID</h1>
      ${alertBox(message)}
      <section class="card">
        <form method="post" action="${hrefOf(visit, 'tax-ids/add')}">
          <div class="field">
            <label for="type">Kind</label
            ><select id="type" name="type">
              ${taxKinds.map(
                ([value, label]) =>
                  html`<option value="${value}" ${value === picked ? html`selected` : null}>${label}</option>`,
              )}
            </select>
          </div>
          <div class="field">
            <label for="value">Number</label
            ><input id="value" name="value" value="${form.get('value') ?? ''}" required autocomplete="off" />
          </div>
          <button class="primary">Save</button>
        </form>
        <p class="soft small">It stands on your invoices from now on.</p>
      </section>`,
    hrefOf(visit),
  );
}
