import type { Instant } from '@farebox/core';
import type { Tx } from '../db/database.ts';
import { invariant } from '../lib/invariant.ts';
import { seal } from '../lib/secret.ts';
import type { KeysDeps } from './service.ts';
import { type ApiKeyRow, changeKey, insertSecret, retireSecrets } from './store.ts';
import { mintToken } from './token.ts';

/** How long a secret waits for its owner to be shown; after that only a new one helps. */
const waitMs = 7 * 86_400_000;

/** Gives a key its next secret; all before it stop at `stops_at` at the latest. A sealed one waits to be shown once. */
export async function giveSecret(
  tx: Tx,
  given: Pick<KeysDeps, 'brand' | 'livemode' | 'secrets'> & {
    key: ApiKeyRow;
    now: Instant;
    stops_at: Instant;
    sealed: boolean;
  },
): Promise<string> {
  const { key, now, secrets } = given;
  await retireSecrets(tx, key.id, new Date(given.stops_at));
  const token = mintToken(given.brand, given.livemode, secrets.peppers);
  const isNew = await insertSecret(tx, {
    digest: token.digest,
    pepper_id: token.pepper_id,
    key_id: key.id,
    form: 'text',
    created_at: new Date(now),
    ...(given.sealed ? sealedSecret(secrets.seal_key, key.id, token.secret, now) : {}),
  });
  invariant(isNew, 'a secret of 178 random bits is nobody else’s');
  await changeKey(tx, key.id, { start: token.start });
  return token.secret;
}

/** A secret that waits. The key's id goes inside, so that a sealed text moved to another row does not open there. */
export function sealedSecret(
  seal_key: Buffer,
  keyId: string,
  secret: string,
  now: Instant,
): { sealed: Buffer; sealed_until: Date } {
  return { sealed: seal(seal_key, `${keyId}:${secret}`), sealed_until: new Date(now + waitMs) };
}
