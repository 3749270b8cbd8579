import { ApiError } from './api-error.ts';

const REALM_TEXT =
  "You did not provide an API key. You need to provide your API key in the Authorization header, using Bearer auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY'). See https://stripe.com/docs/api#authentication for details, or we can help at https://support.stripe.com/.";

/** What a key may do: everything, read, or what a browser may. */
export type KeyKind = 'secret' | 'readonly' | 'publishable';

/** The routes a browser may call with a publishable key; those of an intent prove with its client secret. */
const publishable: ReadonlySet<string> = new Set([
  'GET /v1/payment_intents/{id}',
  'GET /v1/setup_intents/{id}',
  'POST /v1/payment_intents/{id}/confirm',
  'POST /v1/payment_methods',
  'POST /v1/setup_intents/{id}/confirm',
]);

/** The key of an Authorization header; empty without one. */
export function keyOf(header: string): string {
  const [scheme = '', value = ''] = header.split(/\s+/, 2);
  if (/^bearer$/i.test(scheme)) return value;
  // The user name of basic authentication, as curl sends it with `-u sk_test_…:`.
  if (/^basic$/i.test(scheme)) return Buffer.from(value, 'base64').toString('utf8').split(':')[0] ?? '';
  return '';
}

/** The run whose account a key opens, `sk_test_run_<name>`; empty for the shared one. */
export function runOf(key: string): string {
  return /^(?:sk|rk|pk)_test_(?:readonly_)?run_([A-Za-z0-9_]+)$/.exec(key)?.[1]?.toLowerCase() ?? '';
}

function refuse(message: string): ApiError {
  return new ApiError(401, 'invalid_request_error', message, { before_execution: true });
}

/** A key with its middle hidden, as Stripe writes it back. */
function shown(key: string): string {
  return `${key.slice(0, 8)}${'*'.repeat(Math.max(0, key.length - 12))}${key.length > 12 ? key.slice(-4) : ''}`;
}

/** Lets a meter event session in, while it lasts. It opens the stream and nothing else. */
export function authenticateSession(
  headers: Headers,
  expiryOf: (token: string) => number | null,
  now_ms: number,
): void {
  const token = keyOf(headers.get('authorization') ?? '');
  if (token === '') throw refuse(REALM_TEXT);
  const expires_at_ms = expiryOf(token);
  if (expires_at_ms === null) throw refuse('Invalid authentication token: create a meter event session for one.');
  if (expires_at_ms > now_ms) return;
  throw new ApiError(
    401,
    'temporary_session_expired',
    'The meter event session has expired. Create a new one and use its authentication token.',
    { code: 'billing_meter_event_session_expired', before_execution: true },
  );
}

/** Lets a test-mode key in and says what it may do. */
export function authenticate(headers: Headers): KeyKind {
  const key = keyOf(headers.get('authorization') ?? '');
  if (key === '') throw refuse(REALM_TEXT);
  if (/^rk_test_readonly[A-Za-z0-9_]*$/.test(key)) return 'readonly';
  if (/^(sk|rk)_test_[A-Za-z0-9_]+$/.test(key)) return 'secret';
  if (/^pk_test_[A-Za-z0-9_]+$/.test(key)) return 'publishable';
  if (/^(sk|rk|pk)_live_/.test(key)) {
    throw refuse(`The sandbox takes test-mode keys only; this is a live one: ${shown(key)}`);
  }
  throw refuse(`Invalid API Key provided: ${shown(key)}`);
}

/** Refuses a route that the key may not call. https://docs.stripe.com/keys */
export function authorize(kind: KeyKind, route: string, headers: Headers): void {
  if (kind === 'publishable' && !publishable.has(route)) {
    throw new ApiError(
      401,
      'invalid_request_error',
      'This API call cannot be made with a publishable API key. Please use a secret API key. You can find a list of your API keys at https://dashboard.stripe.com/account/apikeys.',
      { code: 'secret_key_required', before_execution: true },
    );
  }
  if (kind !== 'readonly' || route.startsWith('GET ')) return;
  const resource = /^\w+ \/v\d\/(\w+)/.exec(route)?.[1]?.replace(/s$/, '') ?? '';
  throw new ApiError(
    403,
    'invalid_request_error',
    `The provided key '${shown(keyOf(headers.get('authorization') ?? ''))}' does not have the required permissions for this endpoint on account 'acct_sandbox'. Having the 'rak_${resource}_write' permission would allow this request to continue.`,
    { before_execution: true },
  );
}
