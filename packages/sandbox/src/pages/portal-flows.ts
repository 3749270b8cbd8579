import type { FormHash } from '../http/form.ts';
import type { CancelFeedback, PaymentFailure, SubscriptionRecord } from '../store/records.ts';
import { type CardFault, type CardFields, cardFields, errorBox, testCards } from './card-form.ts';
import { html, type Html } from './html.ts';
import { alertBox, day, hrefOf, planName, portalPage, type Visit } from './portal-parts.ts';

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

const reasons: Record<CancelFeedback, string> = {
  customer_service: 'Customer service was less than expected',
  low_quality: 'The quality was less than expected',
  missing_features: 'Some features are missing',
  other: 'Another reason',
  switched_service: 'I am switching to a different service',
  too_complex: 'It is too complicated',
  too_expensive: 'It is too expensive',
  unused: "I don't use it enough",
};

function reasonFields(visit: Visit): Html | null {
  const { enabled, options } = visit.configuration.features.subscription_cancel.reasons;
  if (!enabled || options.length === 0) return null;
  return html`<fieldset>
      <legend>Why do you cancel? <span class="soft">(optional)</span></legend>
      ${options.map(
        (value) =>
          html`<label class="choice"><input type="radio" name="feedback" value="${value}" /> ${reasons[value]}</label>`,
      )}
    </fieldset>
    <div class="field">
      <label for="comment">Anything to add? <span class="soft">(optional)</span></label>
      <textarea id="comment" name="comment" rows="3" maxlength="1000"></textarea>
    </div>`;
}

/** Asks before a subscription is canceled. */
export function cancelPage(visit: Visit, subscription: SubscriptionRecord, message: string | null): Response {
  const now = visit.configuration.features.subscription_cancel.mode === 'immediately';
  const end = subscription.items[0]?.current_period_end ?? visit.tx.now;
  const name = planName(visit.tx, subscription);
  return portalPage(
    visit,
    'Cancel plan',
    html`<h1>Cancel ${name}</h1>
      ${alertBox(message)}
      <section class="card">
        <p>
          ${
            now
              ? html`Your subscription ends <strong>at once</strong>. Nothing is refunded.`
              : html`Your subscription stays available until <strong>${day(end)}</strong>, the end of the period that is
                  paid for. Then it ends, and you will not be charged again.`
          }
        </p>
        <form method="post" action="${hrefOf(visit, `subscriptions/${subscription.id}/cancel`)}">
          ${reasonFields(visit)}<button class="primary danger">Cancel plan</button>
        </form>
      </section>`,
    hrefOf(visit),
  );
}

/** What `subscriptions.update` or `subscriptions.cancel` is given for a press on "Cancel plan". */
export function cancellation(visit: Visit, form: URLSearchParams): FormHash {
  const feedback = form.get('feedback') ?? '';
  const comment = form.get('comment')?.trim() ?? '';
  const details: FormHash = {
    ...(feedback === '' ? {} : { feedback }),
    ...(comment === '' ? {} : { comment }),
  };
  const now = visit.configuration.features.subscription_cancel.mode === 'immediately';
  return {
    ...(now ? {} : { cancel_at_period_end: 'true' }),
    ...(Object.keys(details).length === 0 ? {} : { cancellation_details: details }),
  };
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
