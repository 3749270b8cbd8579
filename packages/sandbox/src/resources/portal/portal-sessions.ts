import type Stripe from 'stripe';
import { missingParam } from '../../contract/contract.ts';
import type { Wire } from '../../contract/wire.ts';
import { invalid, invalidParam, noSuch } from '../../http/api-error.ts';
import { integer, list, oneOf, type Read, shape, text } from '../../http/params.ts';
import { route } from '../../http/route.ts';
import type {
  PortalConfigurationRecord,
  PortalFlow,
  PortalSessionRecord,
  Seconds,
  SubscriptionRecord,
} from '../../store/records.ts';
import type { Tx } from '../../store/store.ts';
import { type Context, emit } from '../context.ts';
import { findCustomer } from '../customers/customers.ts';
import { isValid } from '../catalog/coupons.ts';
import { checkOffers } from '../invoices/discounts.ts';
import { choiceFault, pauseFault, updateFault } from './plan-choices.ts';
import { defaultConfiguration, findConfiguration } from './portal-configurations.ts';

type Rendered = Wire<Stripe.BillingPortal.Session>;

/** A link must be opened soon, and lapses when it is not used. Stripe's exact times are not documented. */
const OPEN_WITHIN: Seconds = 5 * 60;
const IDLE: Seconds = 60 * 60;

function renderConfirm(flow: PortalFlow): NonNullable<Rendered['flow']>['subscription_update_confirm'] {
  const { confirm, subscription } = flow;
  if (confirm === null || subscription === null) return null;
  return {
    discounts:
      confirm.discounts === null
        ? null
        : confirm.discounts.map(({ coupon = null, promotion_code = null }) => ({ coupon, promotion_code })),
    items: confirm.items.map(({ id, price, quantity }) => ({ id, price, ...(quantity === null ? {} : { quantity }) })),
    subscription,
  };
}

function renderFlow(flow: PortalFlow): Rendered['flow'] {
  const { after, retention, subscription, type } = flow;
  const own = (name: PortalFlow['type']): { subscription: string } | null =>
    type === name && subscription !== null ? { subscription } : null;
  const cancel = own('subscription_cancel');
  return {
    after_completion: {
      type: after.type,
      hosted_confirmation: after.type === 'hosted_confirmation' ? { custom_message: after.message } : null,
      redirect: after.url === null ? null : { return_url: after.url },
    },
    customer_update: type === 'customer_update' ? {} : null,
    subscription_cancel: cancel && {
      ...cancel,
      retention: retention === null ? null : { coupon_offer: { coupon: retention }, type: 'coupon_offer' },
    },
    subscription_pause: own('subscription_pause'),
    subscription_update: own('subscription_update'),
    subscription_update_confirm: renderConfirm(flow),
    type,
  };
}

function renderSession(session: PortalSessionRecord): Rendered {
  return {
    id: session.id,
    object: 'billing_portal.session',
    configuration: session.configuration,
    created: session.created,
    customer: session.customer,
    customer_account: null,
    flow: session.flow === null ? null : renderFlow(session.flow),
    livemode: false,
    locale: session.locale as Rendered['locale'],
    on_behalf_of: null,
    return_url: session.return_url,
    url: `sandbox:/p/session/${session.token}`,
    ...(session.after_expiration == null
      ? {}
      : { after_expiration: { customer_login: session.after_expiration, type: 'customer_login' } }),
  };
}

/** Whether the link of a session has lapsed. */
export function isLapsed(session: PortalSessionRecord, now: Seconds): boolean {
  return session.last_seen === null ? now > session.created + OPEN_WITHIN : now > session.last_seen + IDLE;
}

const named = shape({ subscription: text() });

const createTable = {
  after_expiration: shape({ customer_login: shape({ expires_at: integer(0) }), type: oneOf(['customer_login']) }),
  configuration: text(),
  customer: text(),
  flow_data: shape({
    type: oneOf([
      'customer_update',
      'payment_method_update',
      'subscription_cancel',
      'subscription_pause',
      'subscription_update',
      'subscription_update_confirm',
    ]),
    subscription_cancel: shape({
      retention: shape({ coupon_offer: shape({ coupon: text() }), type: oneOf(['coupon_offer']) }),
      subscription: text(),
    }),
    subscription_pause: named,
    subscription_update: named,
    subscription_update_confirm: shape({
      discounts: list(shape({ coupon: text(), promotion_code: text() }), 1),
      items: list(shape({ id: text(), price: text(), quantity: integer(0, 999_999) }), 1),
      subscription: text(),
    }),
    after_completion: shape({
      type: oneOf(['hosted_confirmation', 'portal_homepage', 'redirect']),
      redirect: shape({ return_url: text() }),
      hosted_confirmation: shape({ custom_message: text(500) }),
    }),
  }),
  locale: text(10),
  return_url: text(),
};

type SentFlow = NonNullable<Read<typeof createTable>['flow_data']>;

function checkUrl(url: string | undefined, param: string): string | null {
  if (url === undefined) return null;
  if (URL.canParse(url) && /^https?:$/.test(new URL(url).protocol)) return url;
  throw invalidParam('Not a valid URL', param, 'url_invalid');
}

/** The subscription a flow is about; `null` for flows that are about none. */
function flowSubscription(tx: Tx, customer: string, sent: SentFlow): SubscriptionRecord | null {
  const { type } = sent;
  if (type === undefined || type === 'customer_update' || type === 'payment_method_update') return null;
  const param = `flow_data[${type}][subscription]`;
  const id = sent[type]?.subscription;
  if (id === undefined) throw missingParam(param);
  const subscription = tx.get('subscription', id);
  if (subscription?.customer !== customer) throw noSuch('subscription', id, param);
  if (subscription.ended_at !== null) throw invalid('This subscription has already ended.', { param });
  const message = flowFault(tx, type, subscription);
  if (message !== null) throw invalid(message, { param });
  return subscription;
}

/** Why a flow cannot begin with a subscription as it stands. */
function flowFault(tx: Tx, type: PortalFlow['type'], subscription: SubscriptionRecord): string | null {
  if (type === 'subscription_cancel') {
    const ends = subscription.cancel_at_period_end || subscription.cancel_at !== null;
    return ends ? 'This subscription is already set to be canceled.' : null;
  }
  if (type === 'subscription_pause') return pauseFault(tx, subscription);
  return updateFault(tx, subscription);
}

function retentionOf(tx: Tx, sent: SentFlow): string | null {
  if (sent.type !== 'subscription_cancel' || sent.subscription_cancel?.retention === undefined) return null;
  const param = 'flow_data[subscription_cancel][retention][coupon_offer][coupon]';
  const id = sent.subscription_cancel.retention.coupon_offer?.coupon;
  if (id === undefined) throw missingParam(param);
  const coupon = tx.get('coupon', id);
  if (coupon === undefined || !isValid(coupon, tx.now)) throw noSuch('coupon', id, param);
  return id;
}

function confirmOf(
  tx: Tx,
  configuration: PortalConfigurationRecord,
  subscription: SubscriptionRecord | null,
  sent: SentFlow,
): PortalFlow['confirm'] {
  if (sent.type !== 'subscription_update_confirm' || subscription === null) return null;
  const path = 'flow_data[subscription_update_confirm]';
  const [item] = sent.subscription_update_confirm?.items ?? [];
  if (item?.id === undefined) throw missingParam(`${path}[items]`);
  if (subscription.items[0]?.id !== item.id) throw noSuch('subscription_item', item.id, `${path}[items][0][id]`);
  const wish = { price: item.price ?? null, quantity: item.quantity ?? null };
  const fault = choiceFault(tx, configuration, subscription, wish);
  if (fault !== null) throw invalid(fault.message, { param: `${path}[items][0][${fault.field}]` });
  const discounts = sent.subscription_update_confirm?.discounts;
  const currency = subscription.currency;
  checkOffers(tx, discounts ?? [], { customer: subscription.customer, currency, amount: null }, path);
  return {
    items: [{ id: item.id, ...wish }],
    discounts:
      discounts?.map(({ coupon, promotion_code }) => ({
        ...(coupon === undefined ? {} : { coupon }),
        ...(promotion_code === undefined ? {} : { promotion_code }),
      })) ?? null,
  };
}

function flowOf(
  tx: Tx,
  customer: string,
  configuration: PortalConfigurationRecord,
  params: Read<typeof createTable>,
): PortalFlow | null {
  const sent = params.flow_data;
  if (sent === undefined) return null;
  const { type, after_completion } = sent;
  if (type === undefined) throw missingParam('flow_data[type]');
  const feature = type === 'subscription_update_confirm' ? 'subscription_update' : type;
  if (!configuration.features[feature].enabled) {
    throw invalid(`The flow ${type} is disabled in the portal configuration ${configuration.id}.`, {
      param: 'flow_data[type]',
    });
  }
  const after_type = after_completion?.type ?? 'portal_homepage';
  const path = 'flow_data[after_completion][redirect][return_url]';
  const url = checkUrl(after_completion?.redirect?.return_url, path);
  if (after_type === 'redirect' && url === null) throw missingParam(path);
  const subscription = flowSubscription(tx, customer, sent);
  return {
    type,
    subscription: subscription?.id ?? null,
    retention: retentionOf(tx, sent),
    confirm: confirmOf(tx, configuration, subscription, sent),
    after: {
      type: after_type,
      message: after_completion?.hosted_confirmation?.custom_message ?? null,
      url: after_type === 'redirect' ? url : null,
    },
  };
}

function create(context: Context, params: Read<typeof createTable>): Rendered {
  const { tx } = context;
  if (params.customer === undefined) throw missingParam('customer');
  const customer = findCustomer(tx, params.customer, 'customer');
  const configuration =
    params.configuration === undefined
      ? defaultConfiguration(context)
      : findConfiguration(tx, params.configuration, 'configuration');
  if (!configuration.active) {
    throw invalid(`The configuration ${configuration.id} is not active.`, { param: 'configuration' });
  }
  return openSession(context, {
    after_expiration: expirationOf(configuration, params),
    configuration: configuration.id,
    customer: customer.id,
    flow: flowOf(tx, customer.id, configuration, params),
    locale: params.locale ?? null,
    return_url: checkUrl(params.return_url, 'return_url') ?? configuration.default_return_url,
  });
}

function expirationOf(
  configuration: PortalConfigurationRecord,
  params: Read<typeof createTable>,
): { expires_at: Seconds | null } | null {
  if (params.after_expiration === undefined) return null;
  if (configuration.login_token === null) {
    throw invalid('The configuration has no login page to lead to.', { param: 'after_expiration' });
  }
  return { expires_at: params.after_expiration.customer_login?.expires_at ?? null };
}

type Opening = Pick<
  PortalSessionRecord,
  'after_expiration' | 'configuration' | 'customer' | 'flow' | 'locale' | 'return_url'
>;

/** A new session: its link has to be opened soon. */
export function openSession(context: Context, facts: Opening): Rendered {
  const { tx } = context;
  const session = tx.put('portal_session', {
    id: tx.newId('bps_'),
    created: tx.now,
    authenticating: null,
    flow_done: false,
    last_seen: null,
    ...facts,
    token: tx.newId('test_', 40),
  });
  emit(context, 'billing_portal.session.created', renderSession(session));
  return renderSession(session);
}

export const portalSessionRoutes = [route('POST /v1/billing_portal/sessions', createTable, create)];
