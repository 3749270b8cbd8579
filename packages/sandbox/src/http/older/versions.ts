import { fieldsOf, paramsOf } from '../../contract/contract.ts';
import { API_VERSION } from '../../contract/wire.ts';
import { ApiError } from '../api-error.ts';

/** The first version of each release that took something away. */
export const BASIL = '2025-03-31.basil';
export const CLOVER = '2025-09-30.clover';
export const DAHLIA = '2026-03-25.dahlia';
export const ENDIVE = '2026-09-30.endive';

/** Every version Stripe names, by the list of what a webhook endpoint may be pinned to. */
function knownVersions(): ReadonlySet<string> {
  const kind = fieldsOf(paramsOf('POST /v1/webhook_endpoints')).get('api_version')?.kind;
  return new Set(typeof kind === 'string' ? kind.split('|').map((each) => each.slice(1, -1)) : []);
}

/** Read when a request first asks: a start does not wait for it. */
let known: ReadonlySet<string> | null = null;

/** The version a request asks for, ours without a header; refuses what Stripe has not. */
export function versionOf(asked: string | null): string {
  // Preview releases come with betas: `2026-10-28.endive;beta=v1`.
  const version = asked?.split(';')[0] ?? API_VERSION;
  if (version === API_VERSION) return version;
  known ??= knownVersions();
  if (known.has(version)) return version;
  throw new ApiError(400, 'invalid_request_error', `Invalid Stripe API version: ${version.slice(0, 80)}`, {
    before_execution: true,
  });
}

/** Versions are ordered by their dates. */
export function isBefore(version: string, end: string): boolean {
  return version.slice(0, 10) < end.slice(0, 10);
}

/** What is told of an answer that was asked for in another version; `null` when there is nothing to tell. */
export function versionNotice(version: string): string | null {
  if (version === API_VERSION) return null;
  return `The sandbox answers in the shapes of ${API_VERSION}, with the fields that ${version} had besides; this request asked for ${version}.`;
}
