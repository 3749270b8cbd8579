import { ApiError } from './api-error.ts';

const REALM_TEXT =
  "You did not provide an API key. You need to provide your API key in the Authorization header, using Bearer auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY'). See https://stripe.com/docs/api#authentication for details, or we can help at https://support.stripe.com/.";

function keyOf(header: string): string {
  const [scheme = '', value = ''] = header.split(/\s+/, 2);
  if (/^bearer$/i.test(scheme)) return value;
  // The user name of basic authentication, as curl sends it with `-u sk_test_…:`.
  if (/^basic$/i.test(scheme)) return Buffer.from(value, 'base64').toString('utf8').split(':')[0] ?? '';
  return '';
}

function refuse(message: string): ApiError {
  return new ApiError(401, 'invalid_request_error', message, { before_execution: true });
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

/** Lets any test-mode secret or restricted key in; there is one account. */
export function authenticate(headers: Headers): void {
  const key = keyOf(headers.get('authorization') ?? '');
  if (key === '') throw refuse(REALM_TEXT);
  if (/^(sk|rk)_test_[A-Za-z0-9_]+$/.test(key)) return;
  if (key.startsWith('pk_')) {
    throw new ApiError(
      401,
      'invalid_request_error',
      'This API call cannot be made with a publishable API key. Please use a secret API key. You can find a list of your API keys at https://dashboard.stripe.com/account/apikeys.',
      { code: 'secret_key_required', before_execution: true },
    );
  }
  const shown = `${key.slice(0, 8)}${'*'.repeat(Math.max(0, key.length - 12))}${key.length > 12 ? key.slice(-4) : ''}`;
  if (/^(sk|rk)_live_/.test(key)) throw refuse(`The sandbox takes test-mode keys only; this is a live one: ${shown}`);
  throw refuse(`Invalid API Key provided: ${shown}`);
}
