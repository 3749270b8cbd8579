import type Stripe from 'stripe';
import { missingParam } from '../../contract/contract.ts';
import type { Wire } from '../../contract/wire.ts';
import { invalid, invalidParam, noSuch } from '../../http/api-error.ts';
import { oneOf, type Read, shape, text } from '../../http/params.ts';
import { route } from '../../http/route.ts';
import type { PortalConfigurationRecord, PortalFlow, PortalSessionRecord, Seconds } from '../../store/records.ts';
import type { Tx } from '../../store/store.ts';
import { type Context, emit } from '../context.ts';
import { findCustomer } from '../customers/customers.ts';
import { defaultConfiguration, findConfiguration } from './portal-configurations.ts';

type Rendered = Wire<Stripe.BillingPortal.Session>;

/** A link must be opened soon, and lapses when it is not used. Stripe's exact times are not documented. */
const OPEN_WITHIN: Seconds = 5 * 60;
const IDLE: Seconds = 60 * 60;

function renderFlow(flow: PortalFlow): Rendered['flow'] {
  const { after, subscription } = flow;
  return {
    after_completion: {
      type: after.type,
      hosted_confirmation: after.type === 'hosted_confirmation' ? { custom_message: after.message } : null,
      redirect: after.url === null ? null : { return_url: after.url },
    },
    customer_update: flow.type === 'customer_update' ? {} : null,
    subscription_cancel: subscription === null ? null : { retention: null, subscription },
    subscription_pause: null,
    subscription_update: null,
    subscription_update_confirm: null,
    type: flow.type,
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
  };
}

/** Whether the link of a session has lapsed. */
export function isLapsed(session: PortalSessionRecord, now: Seconds): boolean {
  return session.last_seen === null ? now > session.created + OPEN_WITHIN : now > session.last_seen + IDLE;
}

const createTable = {
  configuration: text(),
  customer: text(),
  flow_data: shape({
    type: oneOf(
      ['customer_update', 'payment_method_update', 'subscription_cancel'],
      ['subscription_pause', 'subscription_update', 'subscription_update_confirm'],
    ),
    subscription_cancel: shape({ subscription: text() }),
    after_completion: shape({
      type: oneOf(['hosted_confirmation', 'portal_homepage', 'redirect']),
      redirect: shape({ return_url: text() }),
      hosted_confirmation: shape({ custom_message: text(500) }),
    }),
  }),
  locale: text(10),
  return_url: text(),
};

function checkUrl(url: string | undefined, param: string): string | null {
  if (url === undefined) return null;
  if (URL.canParse(url) && /^https?:$/.test(new URL(url).protocol)) return url;
  throw invalidParam('Not a valid URL', param, 'url_invalid');
}

function flowSubscription(tx: Tx, customer: string, type: PortalFlow['type'], id: string | undefined): string | null {
  if (type !== 'subscription_cancel') return null;
  const param = 'flow_data[subscription_cancel][subscription]';
  if (id === undefined) throw missingParam(param);
  const subscription = tx.get('subscription', id);
  if (subscription?.customer !== customer) throw noSuch('subscription', id, param);
  if (subscription.ended_at !== null) throw invalid('This subscription has already ended.', { param });
  if (subscription.cancel_at_period_end || subscription.cancel_at !== null) {
    throw invalid('This subscription is already set to be canceled.', { param });
  }
  return id;
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
  if (!configuration.features[type].enabled) {
    throw invalid(`The flow ${type} is disabled in the portal configuration ${configuration.id}.`, {
      param: 'flow_data[type]',
    });
  }
  const after_type = after_completion?.type ?? 'portal_homepage';
  const path = 'flow_data[after_completion][redirect][return_url]';
  const url = checkUrl(after_completion?.redirect?.return_url, path);
  if (after_type === 'redirect' && url === null) throw missingParam(path);
  return {
    type,
    subscription: flowSubscription(tx, customer, type, sent.subscription_cancel?.subscription),
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
  const session = tx.put('portal_session', {
    id: tx.newId('bps_'),
    created: tx.now,
    authenticating: null,
    configuration: configuration.id,
    customer: customer.id,
    flow: flowOf(tx, customer.id, configuration, params),
    flow_done: false,
    last_seen: null,
    locale: params.locale ?? null,
    return_url: checkUrl(params.return_url, 'return_url') ?? configuration.default_return_url,
    token: tx.newId('test_', 40),
  });
  emit(context, 'billing_portal.session.created', renderSession(session));
  return renderSession(session);
}

export const portalSessionRoutes = [route('POST /v1/billing_portal/sessions', createTable, create)];
