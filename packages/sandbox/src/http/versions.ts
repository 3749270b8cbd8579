import { fieldsOf, paramsOf } from '../contract/contract.ts';
import { API_VERSION } from '../contract/wire.ts';
import { ApiError } from './api-error.ts';

/** Every version Stripe names, by the list of what a webhook endpoint may be pinned to. */
function knownVersions(): ReadonlySet<string> {
  const kind = fieldsOf(paramsOf('POST /v1/webhook_endpoints')).get('api_version')?.kind;
  return new Set(typeof kind === 'string' ? kind.split('|').map((each) => each.slice(1, -1)) : []);
}

/** Read when a request first asks: a start does not wait for it. */
let known: ReadonlySet<string> | null = null;

/**
 * What to tell about the version a request asked for: nothing when it is ours; that its shapes are not built when Stripe has
 * it; a refusal when Stripe has not.
 */
export function versionNotice(asked: string | null): string | null {
  if (asked === null || asked === API_VERSION) return null;
  // Preview releases come with betas: `2026-10-28.endive;beta=v1`.
  const version = asked.split(';')[0] ?? '';
  if (version === API_VERSION) return null;
  known ??= knownVersions();
  if (!known.has(version)) {
    throw new ApiError(400, 'invalid_request_error', `Invalid Stripe API version: ${asked.slice(0, 80)}`, {
      before_execution: true,
    });
  }
  return `The sandbox answers in the shapes of ${API_VERSION}, whatever version is asked for; this request asked for ${version}.`;
}
