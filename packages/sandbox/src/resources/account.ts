import type Stripe from 'stripe';
import type { Wire } from '../contract/wire.ts';
import { route } from '../http/route.ts';

/** The one account. Only what identifies it is filled in. */
function renderAccount(account_name: string): Wire<Stripe.Account> {
  const no_address = { city: null, country: 'US', line1: null, line2: null, postal_code: null, state: null };
  return {
    id: 'acct_sandbox',
    object: 'account',
    business_profile: {
      mcc: null,
      minority_owned_business_designation: null,
      name: account_name,
      specified_commercial_transactions_act_url: null,
      support_address: no_address,
      support_email: null,
      support_phone: null,
      support_url: null,
      url: null,
    },
    business_type: null,
    charges_enabled: true,
    country: 'US',
    default_currency: 'usd',
    details_submitted: true,
    email: null,
    metadata: {},
    payouts_enabled: false,
    settings: {
      branding: { icon: null, logo: null, primary_color: null, secondary_color: null },
      card_payments: {
        statement_descriptor_prefix: null,
        statement_descriptor_prefix_kana: null,
        statement_descriptor_prefix_kanji: null,
      },
      dashboard: { display_name: account_name, timezone: 'Etc/UTC' },
      payments: {
        statement_descriptor: null,
        statement_descriptor_kana: null,
        statement_descriptor_kanji: null,
        statement_descriptor_prefix_kana: null,
        statement_descriptor_prefix_kanji: null,
      },
    },
    type: 'standard',
  };
}

export const accountRoutes = [route('GET /v1/account', {}, ({ account_name }) => renderAccount(account_name))];
