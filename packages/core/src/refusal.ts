import { type DeniedBy, type ProblemBody, type Verification, gateStatus } from './wire.ts';

/** Of every refusal of the gate. */
export const refusalTitle = 'The gate refused this request';
const noKey = 'Send an API key: Authorization: Bearer <key>, or X-Api-Key.';

/** What a request that was refused is answered with (RFC 9457), the same at every door. `has_key`: it carried one. */
export function refusalBody(verification: Verification, has_key: boolean): ProblemBody {
  const { code, request_id, denied_by, upgrade_url } = verification;
  return {
    type: `/docs/codes#${code}`,
    title: refusalTitle,
    status: gateStatus[code],
    code,
    detail: has_key ? verification.detail : noKey,
    request_id,
    ...(denied_by ? { limit: deniedView(denied_by) } : {}),
    ...(denied_by && upgrade_url ? { upgrade_url } : {}),
  };
}

/** As JSON has it: instants as text. */
export function deniedView(denied: DeniedBy): NonNullable<ProblemBody['limit']> {
  const { reset_at } = denied;
  return { ...denied, reset_at: reset_at === null ? null : new Date(reset_at).toISOString() };
}
