import { formatAmount } from '../billing/money.ts';
import type { FormHash } from '../http/form.ts';
import { ApiError } from '../http/api-error.ts';
import { codeTyped } from '../resources/catalog/promotion-codes.ts';
import type { Context } from '../resources/context.ts';
import {
  type Choice,
  choiceFault,
  choicesFor,
  isPlanned,
  itemOf,
  type PlanWish,
  PORTAL_MARK,
  wanted,
} from '../resources/portal/plan-choices.ts';
import type { PriceRecord, SubscriptionRecord } from '../store/records.ts';
import { html, type Html } from './html.ts';
import { ask, call } from './portal-call.ts';
import { alertBox, day, hrefOf, perInterval, planName, portalPage, type Visit } from './portal-parts.ts';

/** A change as it was chosen: the plan, how many, and a code. */
interface Chosen extends PlanWish {
  discounts: FormHash[];
  /** From when it is prorated, so that what was shown is what is charged. */
  at: number | null;
}

function numberIn(form: URLSearchParams, name: string): number | null {
  const text = form.get(name)?.trim() ?? '';
  return text === '' ? null : Number(text);
}

/** What the visitor chose, or what the link asks them to confirm; a text says what cannot be. */
function chosen(visit: Visit, subscription: SubscriptionRecord, form: URLSearchParams): Chosen | string {
  const { flow, flow_done } = visit.session;
  const at = numberIn(form, 'at');
  const asked = flow_done ? null : flow?.confirm;
  if (asked != null) {
    const [item] = asked.items;
    const discounts = (asked.discounts ?? []).map((each): FormHash => ({ ...each }));
    return { price: item?.price ?? null, quantity: item?.quantity ?? null, discounts, at };
  }
  const { allowed } = visit.configuration.features.subscription_update;
  const typed = allowed.includes('promotion_code') ? (form.get('code')?.trim() ?? '') : '';
  const code = typed === '' ? null : codeTyped(visit.tx, typed);
  if (typed !== '' && code === null) return 'This promotion code is not valid.';
  const wish = { price: form.get('price'), quantity: numberIn(form, 'quantity') };
  const fault = choiceFault(visit.tx, visit.configuration, subscription, wish);
  if (fault !== null) return fault.message;
  const item = itemOf(subscription);
  const next = wanted(item, wish);
  const is_same = next.price === item.price && next.quantity === item.quantity;
  if (is_same && code === null) return 'This is the plan you have. Choose another one.';
  return { ...wish, discounts: code === null ? [] : [{ promotion_code: code.id }], at };
}

function nameOf(visit: Visit, price: PriceRecord): string {
  return visit.tx.get('product', price.product)?.name ?? price.product;
}

function choiceRow(visit: Visit, choice: Choice, own: string, picked: string): Html {
  const { price } = choice;
  return html`<label class="choice plan"
    ><input type="radio" name="price" value="${price.id}" ${price.id === picked ? html`checked` : null} /><span
      >${nameOf(visit, price)} ${price.id === own ? html`<span class="badge soft">Your plan</span>` : null}</span
    ><span class="soft">${perInterval(price, 1)}</span></label
  >`;
}

/** The plans a subscription can be changed to. */
export function updatePage(
  visit: Visit,
  subscription: SubscriptionRecord,
  message: string | null,
  form: URLSearchParams,
): Response {
  const { tx, configuration } = visit;
  const { allowed } = configuration.features.subscription_update;
  const choices = choicesFor(tx, configuration, subscription);
  const item = itemOf(subscription);
  const counted = choices.filter(({ limits }) => limits.enabled);
  const least = Math.min(...counted.map(({ limits }) => limits.minimum));
  const most = Math.max(...counted.map(({ limits }) => limits.maximum ?? Infinity));
  return portalPage(
    visit,
    'Update plan',
    html`<h1>Update your plan</h1>
      ${alertBox(message)}
      <section class="card">
        <form method="get" action="${hrefOf(visit, `subscriptions/${subscription.id}/confirm`)}">
          <fieldset>
            <legend>Plan</legend>
            ${choices.map((each) => choiceRow(visit, each, item.price, form.get('price') ?? item.price))}
          </fieldset>
          ${
            counted.length === 0
              ? null
              : html`<div class="field">
                  <label for="quantity">Quantity</label
                  ><input
                    id="quantity"
                    name="quantity"
                    type="number"
                    inputmode="numeric"
                    min="${least}"
                    ${Number.isFinite(most) ? html`max="${most}"` : null}
                    value="${form.get('quantity') ?? item.quantity}"
                  />
                </div>`
          }
          ${
            allowed.includes('promotion_code')
              ? html`<div class="field">
                  <label for="code">Promotion code <span class="soft">(optional)</span></label
                  ><input id="code" name="code" value="${form.get('code') ?? ''}" autocomplete="off" />
                </div>`
              : null
          }
          <button class="primary">Continue</button>
        </form>
      </section>`,
    hrefOf(visit),
  );
}

/** How the change is prorated, as `subscriptions.update` and a preview take it. */
function billing(visit: Visit, subscription: SubscriptionRecord, choice: Chosen): FormHash {
  const { billing_cycle_anchor, proration_behavior, trial_update_behavior } =
    visit.configuration.features.subscription_update;
  const item = itemOf(subscription);
  const next = wanted(item, choice);
  const is_trial = subscription.status === 'trialing';
  const ends_trial = is_trial && trial_update_behavior === 'end_trial';
  const resets = !is_trial && billing_cycle_anchor === 'now';
  const changes = next.price !== item.price || next.quantity !== item.quantity;
  return {
    ...(changes ? { items: [{ id: item.id, price: next.price, quantity: String(next.quantity) }] } : {}),
    ...(changes ? { proration_behavior } : {}),
    ...(changes && ends_trial ? { trial_end: 'now' } : {}),
    ...(changes && resets ? { billing_cycle_anchor: { type: 'now' } } : {}),
    ...(changes && !ends_trial && !resets && choice.at !== null ? { proration_date: String(choice.at) } : {}),
  };
}

function keptDiscounts(subscription: SubscriptionRecord): FormHash[] {
  return (subscription.discounts ?? []).map((discount) => ({ discount }));
}

interface Preview {
  total: number;
  amount_due: number;
  lines: { data: { amount: number; description: string | null }[] };
}

function preview(visit: Visit, subscription: SubscriptionRecord, choice: Chosen): Preview {
  const discounts =
    choice.discounts.length === 0 ? {} : { discounts: [...keptDiscounts(subscription), ...choice.discounts] };
  const subscription_details = billing(visit, subscription, choice);
  return ask(visit, 'POST', '/v1/invoices/create_preview', {
    subscription: subscription.id,
    ...discounts,
    subscription_details,
  }) as Preview;
}

/** What the change costs, and when. */
function costs(visit: Visit, subscription: SubscriptionRecord, choice: Chosen): Html {
  const { tx, configuration } = visit;
  const end = itemOf(subscription).current_period_end;
  if (isPlanned(tx, configuration, subscription, choice)) {
    return html`<p>
      Your plan changes on <strong>${day(end)}</strong>, when the current period ends. Nothing is charged today.
    </p>`;
  }
  const { lines, total, amount_due } = preview(visit, subscription, choice);
  const { proration_behavior, billing_cycle_anchor } = configuration.features.subscription_update;
  const at_once =
    proration_behavior === 'always_invoice' || billing_cycle_anchor === 'now' || subscription.status === 'trialing';
  const money = (amount: number): string => formatAmount(amount, subscription.currency);
  return html`<ul class="rows">
      ${lines.data.map((line) => html`<li><span>${line.description}</span><span>${money(line.amount)}</span></li>`)}
      <li><strong>Total</strong><strong>${money(total)}</strong></li>
      ${
        amount_due === total
          ? null
          : html`<li><span>To pay, with your balance</span><strong>${money(amount_due)}</strong></li>`
      }
    </ul>
    <p class="soft">
      ${at_once ? 'It is charged now.' : html`It is on your next invoice, on <strong>${day(end)}</strong>.`}
    </p>`;
}

/** Shows what a change means before it is made. */
export function confirmPage(
  visit: Visit,
  subscription: SubscriptionRecord,
  message: string | null,
  form: URLSearchParams,
): Response {
  const choice = chosen(visit, subscription, form);
  if (typeof choice === 'string') return updatePage(visit, subscription, choice, form);
  const dated = { ...choice, at: choice.at ?? visit.tx.now };
  let cost: Html;
  try {
    cost = costs(visit, subscription, dated);
  } catch (cause) {
    if (!(cause instanceof ApiError)) throw cause;
    return updatePage(visit, subscription, cause.message, form);
  }
  const item = itemOf(subscription);
  const next = wanted(item, choice);
  const price = visit.tx.need('price', next.price);
  const hidden = ['price', 'quantity', 'code'].filter((name) => form.has(name));
  const path = `subscriptions/${subscription.id}`;
  const is_bound = visit.session.flow?.confirm != null && !visit.session.flow_done;
  return portalPage(
    visit,
    'Confirm your plan',
    html`<h1>Confirm your plan</h1>
      ${alertBox(message)}
      <section class="card">
        <ul class="rows">
          <li>
            <span class="soft">Now</span
            ><span
              >${planName(visit.tx, subscription)}<br /><span class="soft"
                >${perInterval(visit.tx.need('price', item.price), item.quantity)}</span
              ></span
            >
          </li>
          <li>
            <span class="soft">New</span
            ><span
              >${nameOf(visit, price)}${next.quantity === 1 ? null : html` × ${next.quantity}`}<br /><span class="soft"
                >${perInterval(price, next.quantity)}</span
              ></span
            >
          </li>
        </ul>
      </section>
      <section class="card" aria-labelledby="cost">
        <h2 id="cost">What you pay</h2>
        ${cost}
        <form method="post" action="${hrefOf(visit, `${path}/confirm`)}">
          ${hidden.map((name) => html`<input type="hidden" name="${name}" value="${form.get(name)}" />`)}
          <input type="hidden" name="at" value="${dated.at}" />
          <button class="primary">Confirm</button>
        </form>
        ${is_bound ? null : html`<p><a href="${hrefOf(visit, `${path}/update`)}">Choose another plan</a></p>`}
      </section>`,
    hrefOf(visit),
  );
}

interface MadeSchedule {
  id: string;
  phases: { start_date: number; end_date: number }[];
}

/** Plans the change for the end of the period, by a schedule that its customer may take back. */
function planChange(context: Context, subscription: SubscriptionRecord, choice: Chosen): void {
  const item = itemOf(subscription);
  const next = wanted(item, choice);
  const made = call(context, 'POST', '/v1/subscription_schedules', {
    from_subscription: subscription.id,
  }) as MadeSchedule;
  const [phase] = made.phases;
  if (phase === undefined) throw new Error(`${made.id} has no phase.`);
  const recurring = context.tx.need('price', next.price).recurring ?? { interval: 'month', interval_count: 1 };
  const kept = {
    default_tax_rates: subscription.default_tax_rates ?? [],
    discounts: [...keptDiscounts(subscription), ...choice.discounts],
  };
  const trial_end = subscription.status === 'trialing' ? { trial_end: String(subscription.trial_end) } : {};
  call(context, 'POST', `/v1/subscription_schedules/${made.id}`, {
    metadata: PORTAL_MARK,
    phases: [
      {
        ...kept,
        ...trial_end,
        items: [{ price: item.price, quantity: String(item.quantity) }],
        start_date: String(phase.start_date),
        end_date: String(phase.end_date),
      },
      {
        ...kept,
        items: [{ price: next.price, quantity: String(next.quantity) }],
        duration: { interval: recurring.interval, interval_count: String(recurring.interval_count) },
        proration_behavior: 'none',
      },
    ],
  });
}

/** Makes the change that was confirmed; a text says why it cannot be. */
export function changePlan(
  context: Context,
  visit: Visit,
  subscription: SubscriptionRecord,
  form: URLSearchParams,
): string | null {
  const choice = chosen(visit, subscription, form);
  if (typeof choice === 'string') return choice;
  if (isPlanned(visit.tx, visit.configuration, subscription, choice)) {
    planChange(context, subscription, choice);
    return null;
  }
  const changes = billing(visit, subscription, choice);
  const discounts =
    choice.discounts.length === 0 ? {} : { discounts: [...keptDiscounts(subscription), ...choice.discounts] };
  call(context, 'POST', `/v1/subscriptions/${subscription.id}`, {
    ...changes,
    ...discounts,
    ...(changes['items'] === undefined ? {} : { payment_behavior: 'error_if_incomplete' }),
  });
  return null;
}
