import type Stripe from 'stripe';
import type { Wire } from '../../contract/wire.ts';
import { invalid, noSuch } from '../../http/api-error.ts';
import { page, pageParams } from '../../http/lists.ts';
import { emptyable, flag, mergeMetadata, metadata, type Read, shape, text } from '../../http/params.ts';
import { route } from '../../http/route.ts';
import type { PortalConfigurationRecord, PortalFeatures } from '../../store/records.ts';
import type { Tx } from '../../store/store.ts';
import { type Context, emit, emitUpdate } from '../context.ts';
import { everything, featuresTable, mergeFeatures, nothing } from './portal-features.ts';

type Rendered = Wire<Stripe.BillingPortal.Configuration>;

function renderFeatures(features: PortalFeatures): Rendered['features'] {
  const { customer_update, invoice_history, payment_method_update, subscription_cancel } = features;
  const { subscription_pause: pause, subscription_update: update } = features;
  return {
    customer_update,
    invoice_history,
    payment_method_update: { ...payment_method_update, payment_method_configuration: null },
    subscription_cancel: {
      enabled: subscription_cancel.enabled,
      mode: subscription_cancel.mode,
      proration_behavior: subscription_cancel.proration_behavior,
      cancellation_reason: { ...subscription_cancel.reasons, feedback_options: null },
    },
    subscription_pause: { enabled: pause.enabled, duration: { interval_options: pause.options, type: pause.type } },
    subscription_update: {
      enabled: update.enabled,
      default_allowed_updates: update.allowed,
      products: update.products,
      proration_behavior: update.proration_behavior,
      billing_cycle_anchor: update.billing_cycle_anchor,
      schedule_at_period_end: { conditions: update.conditions.map((type) => ({ type })) },
      trial_update_behavior: update.trial_update_behavior,
    },
  };
}

/** Renders a configuration of the portal. */
export function renderConfiguration(configuration: PortalConfigurationRecord): Rendered {
  return {
    id: configuration.id,
    object: 'billing_portal.configuration',
    active: configuration.active,
    application: null,
    business_profile: {
      headline: configuration.headline,
      privacy_policy_url: configuration.privacy_policy_url,
      terms_of_service_url: configuration.terms_of_service_url,
    },
    created: configuration.created,
    default_return_url: configuration.default_return_url,
    features: renderFeatures(configuration.features),
    is_default: configuration.is_default,
    livemode: false,
    login_page: {
      enabled: configuration.login_token !== null,
      url: configuration.login_token === null ? null : `sandbox:/p/login/${configuration.login_token}`,
    },
    metadata: configuration.metadata,
    name: configuration.name,
    updated: configuration.updated,
  };
}

/** A configuration by an id that was sent as `param`. */
export function findConfiguration(tx: Tx, id: string, param = 'id'): PortalConfigurationRecord {
  const configuration = tx.get('portal_configuration', id);
  if (configuration === undefined) throw noSuch('configuration', id, param);
  return configuration;
}

const blank: PortalConfigurationRecord = {
  id: '',
  created: 0,
  updated: 0,
  active: true,
  default_return_url: null,
  features: nothing,
  headline: null,
  is_default: false,
  login_token: null,
  metadata: {},
  name: null,
  privacy_policy_url: null,
  terms_of_service_url: null,
};

function write(context: Context, facts: Partial<PortalConfigurationRecord>): PortalConfigurationRecord {
  const { tx } = context;
  const configuration = tx.put('portal_configuration', {
    ...blank,
    id: tx.newId('bpc_'),
    created: tx.now,
    updated: tx.now,
    ...facts,
  });
  emit(context, 'billing_portal.configuration.created', renderConfiguration(configuration));
  return configuration;
}

/** The configuration of sessions that name none. Stripe has it saved in its dashboard; here it is made when needed. */
export function defaultConfiguration(context: Context): PortalConfigurationRecord {
  const saved = context.tx.all('portal_configuration').find((each) => each.is_default);
  return saved ?? write(context, { features: everything, is_default: true });
}

const table = {
  business_profile: shape({
    headline: emptyable(text(60)),
    privacy_policy_url: emptyable(text()),
    terms_of_service_url: emptyable(text()),
  }),
  default_return_url: emptyable(text()),
  features: featuresTable,
  login_page: shape({ enabled: flag() }),
  metadata: metadata(),
  name: emptyable(text()),
};

/** Turned on, the login page has an address of its own. */
function loginToken(tx: Tx, old: PortalConfigurationRecord, enabled: boolean | undefined): string | null {
  if (enabled === undefined) return old.login_token;
  return enabled ? (old.login_token ?? tx.newId('test_login_', 24)) : null;
}

function changesOf(tx: Tx, old: PortalConfigurationRecord, params: Read<typeof table>): PortalConfigurationRecord {
  const profile = params.business_profile;
  const changed = <T>(sent: T | undefined, was: T): T => (sent === undefined ? was : sent);
  return {
    ...old,
    default_return_url: changed(params.default_return_url, old.default_return_url),
    features: params.features === undefined ? old.features : mergeFeatures(tx, old.features, params.features),
    headline: changed(profile?.headline, old.headline),
    login_token: loginToken(tx, old, params.login_page?.enabled),
    privacy_policy_url: changed(profile?.privacy_policy_url, old.privacy_policy_url),
    terms_of_service_url: changed(profile?.terms_of_service_url, old.terms_of_service_url),
    metadata: mergeMetadata(old.metadata, params.metadata),
    name: changed(params.name, old.name),
    updated: tx.now,
  };
}

export const portalConfigurationRoutes = [
  route('POST /v1/billing_portal/configurations', table, (context, params) => {
    const { id: _id, created: _created, ...facts } = changesOf(context.tx, blank, params);
    return renderConfiguration(write(context, facts));
  }),
  route('GET /v1/billing_portal/configurations/{id}', {}, ({ tx }, _params, id) =>
    renderConfiguration(findConfiguration(tx, id)),
  ),
  route('POST /v1/billing_portal/configurations/{id}', { ...table, active: flag() }, (context, params, id) => {
    const old = findConfiguration(context.tx, id);
    if (old.is_default && params.active === false) {
      throw invalid('The default configuration cannot be deactivated.', { param: 'active' });
    }
    const changed = { ...changesOf(context.tx, old, params), active: params.active ?? old.active };
    const configuration = context.tx.put('portal_configuration', changed);
    emitUpdate(
      context,
      'billing_portal.configuration.updated',
      renderConfiguration(old),
      renderConfiguration(configuration),
    );
    return renderConfiguration(configuration);
  }),
  route(
    'GET /v1/billing_portal/configurations',
    { ...pageParams, active: flag(), is_default: flag() },
    ({ tx }, params) => {
      const wanted = tx.all('portal_configuration').filter((each) => {
        if (params.active !== undefined && each.active !== params.active) return false;
        return params.is_default === undefined || each.is_default === params.is_default;
      });
      return page('/v1/billing_portal/configurations', wanted, params, 'configuration', renderConfiguration);
    },
  ),
];
