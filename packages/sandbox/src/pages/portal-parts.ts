import { cardOf } from '../resources/payments/payment-methods.ts';
import { isOwn, managedBy } from '../resources/portal/plan-choices.ts';
import type { TestCard } from '../resources/payments/test-cards.ts';
import { formatAmount, priceAmount } from '../billing/money.ts';
import type {
  CustomerRecord,
  PaymentMethodRecord,
  PortalConfigurationRecord,
  PortalSessionRecord,
  PriceRecord,
  Seconds,
  SubscriptionRecord,
} from '../store/records.ts';
import type { Tx } from '../store/store.ts';
import { html, type Html, page } from './html.ts';

const months = 'Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec'.split(' ');

/** `24 Nov 2026`, in UTC. */
export function day(at: Seconds): string {
  const date = new Date(at * 1000);
  return `${date.getUTCDate()} ${months[date.getUTCMonth()]} ${date.getUTCFullYear()}`;
}

/** What a visit to the portal knows. */
export interface Visit {
  tx: Tx;
  account_name: string;
  session: PortalSessionRecord;
  configuration: PortalConfigurationRecord;
  customer: CustomerRecord;
}

/** The address of a page of this session. */
export function hrefOf(visit: Visit, path = ''): string {
  return `/p/session/${visit.session.token}${path === '' ? '' : `/${path}`}`;
}

/** `$499.00 per month`. */
export function perInterval(price: PriceRecord, quantity: number): string {
  const { interval, interval_count } = price.recurring ?? { interval: 'month', interval_count: 1 };
  const every = interval_count === 1 ? `per ${interval}` : `every ${interval_count} ${interval}s`;
  return `${formatAmount(priceAmount(price, quantity), price.currency)} ${every}`;
}

/** What a subscription is for: `Pro × 2`. */
export function planName(tx: Tx, subscription: SubscriptionRecord): string {
  return subscription.items
    .map((item) => {
      const product = tx.need('price', item.price).product;
      const name = tx.get('product', product)?.name ?? product;
      return item.quantity > 1 ? `${name} × ${item.quantity}` : name;
    })
    .join(', ');
}

const brands: Record<TestCard['brand'], string> = {
  amex: 'American Express',
  diners: 'Diners Club',
  discover: 'Discover',
  jcb: 'JCB',
  mastercard: 'Mastercard',
  unionpay: 'UnionPay',
  visa: 'Visa',
};

/** `Visa ending in 4242`. */
export function cardName(method: PaymentMethodRecord): string {
  const card = cardOf(method);
  return `${brands[card.brand]} ending in ${card.number.slice(-4)}`;
}

/** What a subscription will be charged to. */
export function methodOf(visit: Visit, subscription: SubscriptionRecord): PaymentMethodRecord | null {
  const id = subscription.default_payment_method ?? visit.customer.default_payment_method;
  return id === null ? null : (visit.tx.get('payment_method', id) ?? null);
}

/** A subscription of the visitor that has not ended. */
export function ownSubscription(visit: Visit, id: string): SubscriptionRecord | null {
  const subscription = visit.tx.get('subscription', id);
  if (subscription?.customer !== visit.customer.id || subscription.ended_at !== null) return null;
  return subscription;
}

/** Whether the visitor may cancel a subscription: what the seller planned for it stays theirs. */
export function mayCancel(visit: Visit, subscription: SubscriptionRecord): boolean {
  if (!visit.configuration.features.subscription_cancel.enabled || subscription.cancel_at !== null) return false;
  const schedule = managedBy(visit.tx, subscription);
  return schedule === null || isOwn(schedule);
}

/** Whether the visitor may add and remove tax ids. */
export function mayChangeTaxIds({ configuration }: Visit): boolean {
  const { allowed_updates, enabled } = configuration.features.customer_update;
  return enabled && allowed_updates.includes('tax_id');
}

/** A page of the portal: who sells, the way back, the content. */
export function portalPage(visit: Visit, title: string, content: Html, up: string | null = null): Response {
  const { account_name, configuration, session } = visit;
  const { privacy_policy_url: privacy, terms_of_service_url: terms } = configuration;
  const is_bound = session.flow !== null && !session.flow_done;
  const back = is_bound ? null : up;
  return page(
    `${title}: ${account_name}`,
    html`<main class="portal">
      <nav aria-label="Way back">
        ${back === null ? null : html`<a href="${back}">← Billing</a>`}
        ${session.return_url === null ? null : html`<a href="${session.return_url}">Return to ${account_name}</a>`}
      </nav>
      <p class="mode">Test mode: no money moves</p>
      ${content}
      <footer class="soft small">
        ${account_name}${terms === null ? null : html` · <a href="${terms}">Terms</a>`}${
          privacy === null ? null : html` · <a href="${privacy}">Privacy</a>`
        }
      </footer>
    </main>`,
  );
}

/** What went wrong, announced to screen readers. */
export function alertBox(message: string | null): Html | null {
  return message === null ? null : html`<p class="error" id="error" role="alert">${message}</p>`;
}
