import { type Instant, parseKey } from '@farebox/core';
import type { Tx } from '../../db/database.ts';
import { invariant } from '../../lib/invariant.ts';
import { digestsOf, foreignDigestsOf } from '../../lib/pepper.ts';
import { sha256 } from '../../lib/secret.ts';
import type { Log } from '../../lib/log.ts';
import { Problem } from '../../problem.ts';
import { keysByDigest } from '../import/store.ts';
import { giveSecret } from '../rotation.ts';
import type { Keys, KeysDeps } from '../service.ts';
import { type ApiKeyRow, bumpGateVersion, keyById, lockCustomer, lockKey, revokeKey } from '../store.ts';
import { secretKeyBrand } from '../token.ts';
import { insertReport } from './store.ts';

export type Leaks = ReturnType<typeof createLeaks>;

/** What happens to a key that was found in public. Its owner is told in any case. */
export type LeakPolicy = 'notify' | 'rotate' | 'revoke';

export interface FoundToken {
  token: string;
  /** Where it was found; empty when that is not said. */
  url: string;
}

interface Hit {
  key: ApiKeyRow;
  /** When the secret that leaked stops anyway; null: it is the key's current one. */
  stops_at: Instant | null;
}

/** Whether a text is a key of this installation: what a scanner learns to scan better. */
export interface Verdict {
  token: string;
  isOurs: boolean;
}

/**
 * Acts on reports of keys found in public. `rotate` gives the key a new secret that waits on the dashboard, and the leaked one
 * passes for `grace_ms` more, so that its owner's program goes on until the mail was read; `revoke` stops the key at once.
 * The seller's own keys are revoked under `revoke`, and told of in the log in any case.
 */
export function createLeaks(
  deps: KeysDeps & { log: Pick<Log, 'error'>; policy: LeakPolicy; grace_ms: number } & {
    keys: Pick<Keys, 'verifySecretKey' | 'revokeSecretKey'>;
  },
) {
  const { db, clock, secrets, policy, log } = deps;

  /** Once per report: seen again it is refused, since a signature says no time. Answers the customers whose keys changed. */
  async function act(tx: Tx, digest: Buffer, found: readonly FoundToken[]) {
    const now = clock.now();
    if (!(await insertReport(tx, digest, new Date(now))))
      throw new Problem('leak_report_replayed', 'This report was acted on before.');
    const changed = new Set<string>();
    const verdicts: Verdict[] = [];
    for (const { token, url } of found) {
      const hit = await keyOf(tx, token);
      if (hit !== null) {
        await actOn(tx, hit, { token, url, now });
        changed.add(hit.key.customer_id);
      }
      verdicts.push({ token, isOurs: hit !== null });
    }
    for (const customer of changed) await bumpGateVersion(tx, customer);
    return { verdicts, changed };
  }

  async function keyOf(tx: Tx, token: string): Promise<Hit | null> {
    const isOurs = parseKey(token, deps.brand) !== null;
    const digests = isOurs ? digestsOf(token, secrets.peppers) : foreignDigestsOf(token, secrets.peppers);
    const [found] = await keysByDigest(tx, digests);
    if (found === undefined) return null;
    await lockCustomer(tx, found.customer_id);
    const key = await lockKey(tx, null, found.key_id);
    return key === null ? null : { key, stops_at: found.stops_at?.getTime() ?? null };
  }

  async function actOn(
    tx: Tx,
    { key, stops_at }: Hit,
    leak: { token: string; url: string; now: Instant },
  ): Promise<void> {
    const { customer_id } = key;
    const { token, url, now } = leak;
    const isOver = key.revoked_at !== null;
    if (policy === 'revoke') await revokeKey(tx, null, key.id, new Date(now));
    // A secret that stops anyway was rotated before; another rotation would take its successor away.
    if (policy === 'rotate' && !isOver && stops_at === null)
      await giveSecret(tx, { ...deps, key, now, stops_at: now + deps.grace_ms, sealed: true });
    await deps.audit.record(tx, {
      actor: 'system',
      action: 'api_key.leaked',
      customer_id,
      object_id: key.id,
      detail: { policy, url: url.slice(0, 500) },
    });
    const after = await keyById(tx, null, key.id);
    invariant(after !== null, 'the key is locked');
    await deps.told(tx, 'leaked', after, key);
    const leaked = sha256(token).toString('hex').slice(0, 16);
    await deps.notify(tx, customer_id, {
      kind: 'key_leaked',
      // Once per secret, however many places it was found at.
      dedupe_key: `key_leaked:${key.id}:${leaked}`,
      data: {
        key_name: key.name,
        key_start: key.start,
        place: placeOf(url),
        consequence: consequenceOf(policy, isOver, stops_at ?? now + deps.grace_ms),
      },
    });
  }

  async function actOnSecretKey(token: string): Promise<boolean> {
    const found = await deps.keys.verifySecretKey(token);
    if (found === null) return false;
    log.error({ secret_key_id: found.id, policy }, 'a secret key of the seller was found in public: replace it');
    if (policy === 'revoke') await deps.keys.revokeSecretKey(found.id, 'system');
    return true;
  }

  return {
    /** `digest` names the report. Throws `leak_report_replayed`. */
    async report(digest: Buffer, found: readonly FoundToken[]): Promise<Verdict[]> {
      const { verdicts, changed } = await db.transaction((tx) => act(tx, digest, found));
      for (const customer of changed) await deps.changed(customer);
      const all: Verdict[] = [];
      for (const verdict of verdicts) {
        const isSellers = parseKey(verdict.token, secretKeyBrand) !== null && (await actOnSecretKey(verdict.token));
        all.push({ ...verdict, isOurs: verdict.isOurs || isSellers });
      }
      return all;
    },
  };
}

/** Only what is an address is written into a mail. */
function placeOf(url: string): string | null {
  const parsed = URL.canParse(url) ? new URL(url) : null;
  return parsed !== null && /^https?:$/.test(parsed.protocol) ? parsed.href.slice(0, 500) : null;
}

function consequenceOf(policy: LeakPolicy, isOver: boolean, stops_at: Instant): string {
  if (isOver) return 'It was revoked before, so nobody can use it.';
  if (policy === 'revoke') return 'It was revoked at once: requests with it are refused. Create another one.';
  if (policy === 'rotate')
    return `It was given a new secret, which waits for you in the dashboard. The one that leaked is refused from ${new Date(stops_at).toISOString()} on.`;
  return 'It still works: rotate it now, so that nobody else can use it.';
}
