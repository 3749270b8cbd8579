import type Stripe from 'stripe';
import type { Wire } from '../../contract/wire.ts';
import { missingParam } from '../../contract/contract.ts';
import { invalidParam } from '../../http/api-error.ts';
import { flag, integer, list, oneOf, type Read, shape, text } from '../../http/params.ts';
import { route } from '../../http/route.ts';
import { findCustomer } from './customer-record.ts';

/** How long the secret opens what it names. */
const SESSION_SECONDS = 30 * 60;

const redisplay = oneOf(['always', 'limited', 'unspecified']);
const onOff = oneOf(['disabled', 'enabled']);
const plain = shape({ enabled: flag() });

const componentsTable = {
  active_entitlements: plain,
  buy_button: plain,
  customer_portal: plain,
  customer_sheet: shape({
    enabled: flag(),
    features: shape({ payment_method_allow_redisplay_filters: list(redisplay, 3), payment_method_remove: onOff }),
  }),
  mobile_payment_element: shape({
    enabled: flag(),
    features: shape({
      payment_method_allow_redisplay_filters: list(redisplay, 3),
      payment_method_redisplay: onOff,
      payment_method_remove: onOff,
      payment_method_save: onOff,
      payment_method_save_allow_redisplay_override: redisplay,
    }),
  }),
  payment_element: shape({
    enabled: flag(),
    features: shape({
      payment_method_allow_redisplay_filters: list(redisplay, 3),
      payment_method_redisplay: onOff,
      payment_method_redisplay_limit: integer(1, 10),
      payment_method_remove: onOff,
      payment_method_save: onOff,
      payment_method_save_usage: oneOf(['off_session', 'on_session']),
    }),
  }),
  pricing_table: plain,
};

type Given = Partial<Read<typeof componentsTable>>;
type Components = Wire<Stripe.CustomerSession.Components>;

function sheetOf(given: Given['customer_sheet']): Components['customer_sheet'] {
  if (given?.enabled !== true) return { enabled: false, features: null };
  return {
    enabled: true,
    features: {
      payment_method_allow_redisplay_filters: given.features?.payment_method_allow_redisplay_filters ?? ['always'],
      payment_method_remove: given.features?.payment_method_remove ?? 'disabled',
    },
  };
}

function mobileOf(given: Given['mobile_payment_element']): Components['mobile_payment_element'] {
  if (given?.enabled !== true) return { enabled: false, features: null };
  const { features } = given;
  return {
    enabled: true,
    features: {
      payment_method_allow_redisplay_filters: features?.payment_method_allow_redisplay_filters ?? ['always'],
      payment_method_redisplay: features?.payment_method_redisplay ?? 'disabled',
      payment_method_remove: features?.payment_method_remove ?? 'disabled',
      payment_method_save: features?.payment_method_save ?? 'disabled',
      payment_method_save_allow_redisplay_override: features?.payment_method_save_allow_redisplay_override ?? null,
    },
  };
}

function elementOf(given: Given['payment_element']): Components['payment_element'] {
  if (given?.enabled !== true) return { enabled: false, features: null };
  const { features } = given;
  if (features?.payment_method_save === 'enabled' && features.payment_method_save_usage === undefined) {
    throw missingParam('components[payment_element][features][payment_method_save_usage]');
  }
  return {
    enabled: true,
    features: {
      payment_method_allow_redisplay_filters: features?.payment_method_allow_redisplay_filters ?? ['always'],
      payment_method_redisplay: features?.payment_method_redisplay ?? 'disabled',
      payment_method_redisplay_limit: features?.payment_method_redisplay_limit ?? null,
      payment_method_remove: features?.payment_method_remove ?? 'disabled',
      payment_method_save: features?.payment_method_save ?? 'disabled',
      payment_method_save_usage: features?.payment_method_save_usage ?? null,
    },
  };
}

/** What a browser may do in the customer's name. Nothing is kept: there is no Stripe.js that would use the secret. */
export const customerSessionRoutes = [
  route(
    'POST /v1/customer_sessions',
    { components: shape(componentsTable), customer: text() },
    ({ tx }, params): Wire<Stripe.CustomerSession> => {
      if (params.customer === undefined) throw missingParam('customer');
      const customer = findCustomer(tx, params.customer, 'customer');
      const given: Given = params.components ?? {};
      if (!Object.values(given).some((each) => each?.enabled === true)) {
        throw invalidParam('At least one component must be enabled.', 'components');
      }
      const on = (plain_one: Given['buy_button']): { enabled: boolean } => ({ enabled: plain_one?.enabled ?? false });
      return {
        object: 'customer_session',
        client_secret: tx.newId('cuss_secret_', 60),
        components: {
          active_entitlements: on(given.active_entitlements),
          buy_button: on(given.buy_button),
          customer_portal: on(given.customer_portal),
          customer_sheet: sheetOf(given.customer_sheet),
          mobile_payment_element: mobileOf(given.mobile_payment_element),
          payment_element: elementOf(given.payment_element),
          pricing_table: on(given.pricing_table),
        },
        created: tx.wall,
        customer: customer.id,
        customer_account: null,
        expires_at: tx.wall + SESSION_SECONDS,
        livemode: false,
      };
    },
  ),
];
