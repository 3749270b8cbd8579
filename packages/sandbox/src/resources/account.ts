import { route } from '../http/route.ts';

/** The one account. Only what identifies it is answered. */
export const accountRoutes = [
  route('GET /v1/account', {}, ({ account_name }) => ({
    id: 'acct_sandbox',
    object: 'account',
    business_profile: { name: account_name, support_email: null, url: null },
    business_type: null,
    charges_enabled: true,
    country: 'US',
    default_currency: 'usd',
    details_submitted: true,
    email: null,
    metadata: {},
    payouts_enabled: false,
    settings: { dashboard: { display_name: account_name, timezone: 'Etc/UTC' } },
    type: 'standard',
  })),
];
