/** The API key a request carries: one, none, or two that differ. */
export type Credential = { kind: 'key'; key: string } | { kind: 'none' } | { kind: 'ambiguous' };

const none: Credential = { kind: 'none' };
const ambiguous: Credential = { kind: 'ambiguous' };

/**
 * Reads the key from `Authorization: Bearer` (RFC 6750) or `X-Api-Key`. Sending the same key in both is one key; two that
 * differ are refused by whoever asked, since the one that is checked would depend on the reader. Other schemes of
 * `Authorization` are not ours and say nothing. Never throws.
 */
export function readCredential(
  authorization: string | null | undefined,
  xApiKey: string | null | undefined,
): Credential {
  const bearer = bearerOf(authorization ?? '');
  const header = (xApiKey ?? '').trim();
  if (bearer === '' && header === '') return none;
  if (bearer !== '' && header !== '' && bearer !== header) return ambiguous;
  return { kind: 'key', key: bearer === '' ? header : bearer };
}

function bearerOf(authorization: string): string {
  const text = authorization.trim();
  return text.slice(0, 7).toLowerCase() === 'bearer ' ? text.slice(7).trim() : '';
}
