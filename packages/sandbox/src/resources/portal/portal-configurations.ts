import type Stripe from 'stripe';
import type { Wire } from '../../contract/wire.ts';
import { invalid, noSuch } from '../../http/api-error.ts';
import { page, pageParams } from '../../http/lists.ts';
import { emptyable, flag, list, mergeMetadata, metadata, oneOf, type Read, shape, text } from '../../http/params.ts';
import { route } from '../../http/route.ts';
import type { CancelFeedback, PortalConfigurationRecord, PortalFeatures } from '../../store/records.ts';
import type { Tx } from '../../store/store.ts';
import { type Context, emit, emitUpdate } from '../context.ts';

type Rendered = Wire<Stripe.BillingPortal.Configuration>;

const reasons: readonly CancelFeedback[] = [
  'too_expensive',
  'missing_features',
  'switched_service',
  'unused',
  'customer_service',
  'too_complex',
  'low_quality',
  'other',
];

function renderFeatures(features: PortalFeatures): Rendered['features'] {
  const { customer_update, invoice_history, payment_method_update, subscription_cancel } = features;
  return {
    customer_update,
    invoice_history,
    payment_method_update: { ...payment_method_update, payment_method_configuration: null },
    subscription_cancel: {
      enabled: subscription_cancel.enabled,
      mode: subscription_cancel.mode,
      proration_behavior: 'none',
      cancellation_reason: { ...subscription_cancel.reasons, feedback_options: null },
    },
    subscription_pause: { enabled: false, duration: { interval_options: [], type: 'indefinite' } },
    subscription_update: {
      enabled: false,
      default_allowed_updates: [],
      products: [],
      proration_behavior: 'none',
      billing_cycle_anchor: null,
      schedule_at_period_end: { conditions: [] },
      trial_update_behavior: 'end_trial',
    },
  };
}

/** Renders a configuration of the portal. */
function renderConfiguration(configuration: PortalConfigurationRecord): Rendered {
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
    login_page: { enabled: false, url: null },
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

const nothing: PortalFeatures = {
  customer_update: { enabled: false, allowed_updates: [] },
  invoice_history: { enabled: false },
  payment_method_update: { enabled: false },
  subscription_cancel: { enabled: false, mode: 'at_period_end', reasons: { enabled: false, options: [] } },
};

const everything: PortalFeatures = {
  ...nothing,
  customer_update: { enabled: true, allowed_updates: ['name', 'email', 'address', 'phone'] },
  invoice_history: { enabled: true },
  payment_method_update: { enabled: true },
  subscription_cancel: {
    enabled: true,
    mode: 'at_period_end',
    reasons: { enabled: true, options: reasons.filter((each) => each !== 'unused') },
  },
};

const blank: PortalConfigurationRecord = {
  id: '',
  created: 0,
  updated: 0,
  active: true,
  default_return_url: null,
  features: nothing,
  headline: null,
  is_default: false,
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

const featuresTable = shape({
  customer_update: shape({
    enabled: flag(),
    allowed_updates: emptyable(list(oneOf(['address', 'email', 'name', 'phone'], ['shipping', 'tax_id']))),
  }),
  invoice_history: shape({ enabled: flag() }),
  payment_method_update: shape({ enabled: flag() }),
  subscription_cancel: shape({
    enabled: flag(),
    mode: oneOf(['at_period_end', 'immediately']),
    proration_behavior: oneOf(['none'], ['always_invoice', 'create_prorations']),
    cancellation_reason: shape({ enabled: flag(), options: emptyable(list(oneOf(reasons))) }),
  }),
  subscription_pause: shape({ enabled: oneOf(['false'], ['true']) }),
  subscription_update: shape({ enabled: oneOf(['false'], ['true']) }),
});

type Sent = NonNullable<Read<{ features: typeof featuresTable }>['features']>;

/** Features as sent, over those there were. */
function mergeFeatures(old: PortalFeatures, sent: Sent): PortalFeatures {
  const { customer_update, invoice_history, payment_method_update, subscription_cancel } = sent;
  const allowed = customer_update?.allowed_updates;
  const why = subscription_cancel?.cancellation_reason;
  return {
    customer_update: {
      enabled: customer_update?.enabled ?? old.customer_update.enabled,
      allowed_updates: allowed === undefined ? old.customer_update.allowed_updates : (allowed ?? []),
    },
    invoice_history: { enabled: invoice_history?.enabled ?? old.invoice_history.enabled },
    payment_method_update: { enabled: payment_method_update?.enabled ?? old.payment_method_update.enabled },
    subscription_cancel: {
      enabled: subscription_cancel?.enabled ?? old.subscription_cancel.enabled,
      mode: subscription_cancel?.mode ?? old.subscription_cancel.mode,
      reasons: {
        enabled: why?.enabled ?? old.subscription_cancel.reasons.enabled,
        options: why?.options === undefined ? old.subscription_cancel.reasons.options : (why.options ?? []),
      },
    },
  };
}

const table = {
  business_profile: shape({
    headline: emptyable(text(60)),
    privacy_policy_url: emptyable(text()),
    terms_of_service_url: emptyable(text()),
  }),
  default_return_url: emptyable(text()),
  features: featuresTable,
  login_page: shape({ enabled: oneOf(['false'], ['true']) }),
  metadata: metadata(),
  name: emptyable(text()),
};

function changesOf(tx: Tx, old: PortalConfigurationRecord, params: Read<typeof table>): PortalConfigurationRecord {
  const profile = params.business_profile;
  const changed = <T>(sent: T | undefined, was: T): T => (sent === undefined ? was : sent);
  return {
    ...old,
    default_return_url: changed(params.default_return_url, old.default_return_url),
    features: params.features === undefined ? old.features : mergeFeatures(old.features, params.features),
    headline: changed(profile?.headline, old.headline),
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
