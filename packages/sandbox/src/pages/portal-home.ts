import { formatAmount } from '../billing/money.ts';
import { renderInvoice } from '../resources/invoices/invoice-render.ts';
import { taxIdsOf } from '../resources/customers/tax-ids.ts';
import { isOwn, managedBy, pauseFault, updateFault } from '../resources/portal/plan-choices.ts';
import type { TaxIdRecord } from '../store/money-records.ts';
import type { PaymentMethodRecord, SubscriptionRecord } from '../store/records.ts';
import { html, type Html } from './html.ts';
import {
  alertBox,
  cardName,
  day,
  hrefOf,
  mayCancel,
  mayChangeTaxIds,
  methodOf,
  perInterval,
  planName,
  portalPage,
  type Visit,
} from './portal-parts.ts';

const SHOWN_INVOICES = 24;

const states: Record<string, { label: string; tone: string }> = {
  active: { label: 'Active', tone: 'good' },
  trialing: { label: 'Trial', tone: 'good' },
  past_due: { label: 'Payment overdue', tone: 'bad' },
  unpaid: { label: 'Unpaid', tone: 'bad' },
  incomplete: { label: 'Payment incomplete', tone: 'bad' },
  paused: { label: 'Paused', tone: 'soft' },
};

/** What is planned: another plan, or the end of a pause. */
function planned(visit: Visit, subscription: SubscriptionRecord): Html | null {
  const { tx } = visit;
  const schedule = managedBy(tx, subscription);
  if (schedule === null) return null;
  const [pause] = schedule.pause_schedules;
  if (subscription.status === 'paused' && pause?.resume != null) {
    return html`<p>It goes on by itself on <strong>${day(pause.resume.at)}</strong>.</p>`;
  }
  const next = schedule.phases[(schedule.current ?? 0) + 1];
  const [item] = next?.items ?? [];
  if (next === undefined || item === undefined) return null;
  const price = tx.need('price', item.price);
  const name = tx.get('product', price.product)?.name ?? price.product;
  return html`<p>
    Changes to
    <strong>${name}${item.quantity > 1 ? ` × ${item.quantity}` : null}</strong> (${perInterval(price, item.quantity)})
    on <strong>${day(next.start_date)}</strong>.
  </p>`;
}

function comingUp(visit: Visit, subscription: SubscriptionRecord): Html {
  const { tx } = visit;
  const [item] = subscription.items;
  if (item === undefined) return html`<p class="soft">There is nothing to renew.</p>`;
  if (subscription.status === 'paused') {
    return html`<p>You are not charged while it is paused.</p>
      ${planned(visit, subscription)}`;
  }
  if (subscription.cancel_at !== null) {
    return html`<p>Your subscription ends on <strong>${day(subscription.cancel_at)}</strong>.</p>`;
  }
  const method = methodOf(visit, subscription);
  const how = method === null ? 'No payment method is on file.' : `It will be charged to ${cardName(method)}.`;
  const prices = subscription.items.map((each) => ({ price: tx.need('price', each.price), quantity: each.quantity }));
  return html`<p>
      ${prices.map(({ price, quantity }, index) => html`${index === 0 ? '' : ', '}${perInterval(price, quantity)}`)}
    </p>
    <p class="soft">Next invoice on <strong>${day(item.current_period_end)}</strong>. ${how}</p>
    ${planned(visit, subscription)}`;
}

/** What the visitor can do with a subscription. */
function actions(visit: Visit, subscription: SubscriptionRecord): Html[] {
  const { tx, configuration } = visit;
  const { subscription_pause, subscription_update } = configuration.features;
  const href = (action: string): string => hrefOf(visit, `subscriptions/${subscription.id}/${action}`);
  const link = (action: string, label: string): Html => html`<a class="button" href="${href(action)}">${label}</a>`;
  const press = (action: string, label: string): Html =>
    html`<form method="post" action="${href(action)}"><button>${label}</button></form>`;
  const schedule = managedBy(tx, subscription);
  const shown: Html[] = [];
  if (subscription.status === 'paused') shown.push(press('resume', 'Resume plan'));
  else if (schedule === null && subscription.cancel_at !== null) return [press('renew', "Don't cancel")];
  else if (schedule !== null && isOwn(schedule)) shown.push(press('keep', 'Keep my plan'));
  if (subscription_update.enabled && updateFault(tx, subscription) === null) shown.push(link('update', 'Update plan'));
  if (subscription_pause.enabled && pauseFault(tx, subscription) === null) shown.push(link('pause', 'Pause plan'));
  if (mayCancel(visit, subscription)) shown.push(link('cancel', 'Cancel plan'));
  return shown;
}

function subscriptionCard(visit: Visit, subscription: SubscriptionRecord): Html {
  const state = states[subscription.status] ?? { label: subscription.status, tone: 'soft' };
  return html`<li>
    <h3>${planName(visit.tx, subscription)} <span class="badge ${state.tone}">${state.label}</span></h3>
    ${comingUp(visit, subscription)}
    <div class="inline">${actions(visit, subscription)}</div>
  </li>`;
}

function subscriptionSection(visit: Visit): Html {
  const own = visit.tx
    .all('subscription')
    .filter((each) => each.customer === visit.customer.id && each.ended_at === null)
    .toReversed();
  return html`<section class="card" aria-labelledby="plan">
    <h2 id="plan">${own.length > 1 ? 'Current plans' : 'Current plan'}</h2>
    ${
      own.length === 0
        ? html`<p class="soft">You have no subscription.</p>`
        : html`<ul class="plain">
            ${own.map((each) => subscriptionCard(visit, each))}
          </ul>`
    }
  </section>`;
}

function methodRow(visit: Visit, method: PaymentMethodRecord): Html {
  const is_default = visit.customer.default_payment_method === method.id;
  const year = String(method.exp_year % 100).padStart(2, '0');
  const button = (action: string, label: string): Html =>
    html`<form method="post" action="${hrefOf(visit, `payment-methods/${action}`)}">
      <button name="payment_method" value="${method.id}" aria-label="${label}: ${cardName(method)}">${label}</button>
    </form>`;
  return html`<li>
    <span
      >${cardName(method)} ${is_default ? html`<span class="badge good">Default</span>` : null}<br /><span
        class="soft small"
        >Expires ${String(method.exp_month).padStart(2, '0')} / ${year}</span
      ></span
    >
    <span class="inline"
      >${is_default ? null : html`${button('default', 'Make default')}${button('remove', 'Remove')}`}</span
    >
  </li>`;
}

function methodSection(visit: Visit): Html | null {
  if (!visit.configuration.features.payment_method_update.enabled) return null;
  const own = visit.tx.all('payment_method').filter((each) => each.customer === visit.customer.id);
  return html`<section class="card" aria-labelledby="methods">
    <h2 id="methods">Payment methods</h2>
    ${
      own.length === 0
        ? html`<p class="soft">None is on file.</p>`
        : html`<ul class="rows">
            ${own.toReversed().map((each) => methodRow(visit, each))}
          </ul>`
    }
    <p><a class="button" href="${hrefOf(visit, 'payment-methods/add')}">Add payment method</a></p>
  </section>`;
}

function billingSection(visit: Visit): Html {
  const { customer, configuration } = visit;
  const { address } = customer;
  const lines = [address?.line1, address?.line2, address?.postal_code, address?.city, address?.state, address?.country];
  const facts = [
    ['Name', customer.name],
    ['Email', customer.email],
    ['Billing address', lines.filter(Boolean).join(', ')],
    ['Phone', customer.phone],
  ].filter(([, value]) => value);
  const { customer_update } = configuration.features;
  const may_change = customer_update.enabled && customer_update.allowed_updates.some((each) => each !== 'tax_id');
  return html`<section class="card" aria-labelledby="billing">
    <h2 id="billing">Billing information</h2>
    <ul class="rows">
      ${facts.map(([label, value]) => html`<li><span class="soft">${label}</span><span>${value}</span></li>`)}
    </ul>
    ${may_change ? html`<p><a class="button" href="${hrefOf(visit, 'billing')}">Update information</a></p>` : null}
  </section>`;
}

function taxIdRow(visit: Visit, { id, value }: TaxIdRecord): Html {
  return html`<li>
    <span>${value}</span>
    <form method="post" action="${hrefOf(visit, 'tax-ids/remove')}">
      <button name="tax_id" value="${id}" aria-label="Remove tax ID ${value}">Remove</button>
    </form>
  </li>`;
}

function taxIdSection(visit: Visit): Html | null {
  if (!mayChangeTaxIds(visit)) return null;
  const own = taxIdsOf(visit.tx, visit.customer.id);
  return html`<section class="card" aria-labelledby="tax-ids">
    <h2 id="tax-ids">Tax IDs</h2>
    ${
      own.length === 0
        ? html`<p class="soft">None is on file.</p>`
        : html`<ul class="rows">
            ${own.map((each) => taxIdRow(visit, each))}
          </ul>`
    }
    <p><a class="button" href="${hrefOf(visit, 'tax-ids/add')}">Add tax ID</a></p>
  </section>`;
}

function invoiceSection(visit: Visit): Html | null {
  const { tx, account_name, configuration, customer } = visit;
  if (!configuration.features.invoice_history.enabled) return null;
  const all = tx.all('invoice').filter((each) => each.customer === customer.id && each.page_token !== null);
  const shown = all.toReversed().slice(0, SHOWN_INVOICES);
  if (shown.length === 0) return null;
  const rows = shown.map((invoice) => {
    const { total, amount_remaining } = renderInvoice(tx, invoice, account_name);
    const state = invoice.status === 'open' && amount_remaining > 0 ? 'due' : invoice.status;
    return html`<tr>
      <td>${day(invoice.created)}</td>
      <td class="num">${formatAmount(total, invoice.currency)}</td>
      <td><span class="${state === 'due' ? 'bad' : state === 'paid' ? 'good' : 'soft'}">${state}</span></td>
      <td>
        <a href="/i/${invoice.page_token}" aria-label="Invoice ${invoice.number}">View</a> ·
        <a href="/i/${invoice.page_token}/pdf" aria-label="PDF of invoice ${invoice.number}">PDF</a>
      </td>
    </tr>`;
  });
  return html`<section class="card" aria-labelledby="invoices">
    <h2 id="invoices">Invoice history</h2>
    <div class="scroll" tabindex="0" role="region" aria-label="Invoices">
      <table>
        <thead>
          <tr>
            <th scope="col">Date</th>
            <th scope="col" class="num">Amount</th>
            <th scope="col">Status</th>
            <th scope="col">Invoice</th>
          </tr>
        </thead>
        <tbody>
          ${rows}
        </tbody>
      </table>
    </div>
    ${all.length > shown.length ? html`<p class="soft small">The ${SHOWN_INVOICES} newest are shown.</p>` : null}
  </section>`;
}

/** The front page of the portal: plan, payment methods, billing information, invoices. */
export function homePage(visit: Visit, message: string | null = null): Response {
  const { configuration, account_name } = visit;
  return portalPage(
    visit,
    'Billing',
    html`<h1>${configuration.headline ?? `Manage your ${account_name} billing`}</h1>
      ${alertBox(message)}${subscriptionSection(visit)}${methodSection(visit)}${billingSection(visit)}${taxIdSection(visit)}${invoiceSection(visit)}`,
  );
}
