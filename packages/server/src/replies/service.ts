import type { Database } from '../db/database.ts';
import { invariant } from '../lib/invariant.ts';
import { equalDigests, seal, unseal } from '../lib/secret.ts';
import type { Begun, Clock, Replies, ReplyOf } from '../ports.ts';
import { claim, deleteReplies, keepReply, releaseKey, replyOf } from './store.ts';

/** How long a key is remembered. */
const keptMs = 24 * 3_600_000;
/** A request that has run longer than this was cut off by a crash; its key may be used again. */
const longestMs = 2 * 60_000;

/** First answers by key, sealed: an answer may hold a secret that is shown once. */
export function createReplies(deps: { db: Pick<Database, 'kysely'>; clock: Clock; seal_key: Buffer }): Replies & {
  forget(): Promise<void>;
} {
  const { clock, seal_key } = deps;
  const { kysely } = deps.db;
  /** Bound to its row: a sealed answer that was copied to another opens nothing. */
  const label = ({ scope, key }: { scope: string; key: string }) => `${scope}\n${key}\n`;

  return {
    async begin(request): Promise<Begun> {
      const now = clock.now();
      const row = { ...request, started_at: new Date(now) };
      const limits = { forgotten_before: new Date(now - keptMs), abandoned_before: new Date(now - longestMs) };
      if (await claim(kysely, row, limits)) return { type: 'first', of: row };
      const known = await replyOf(kysely, request.scope, request.key);
      if (known === null) return { type: 'running' };
      if (!equalDigests(known.fingerprint, request.fingerprint)) return { type: 'other_request' };
      if (known.status === null || known.sealed_body === null) return { type: 'running' };
      const text = unseal(seal_key, known.sealed_body);
      invariant(text.startsWith(label(request)), 'a sealed answer is opened in its own row');
      const { status, content_type } = known;
      return { type: 'replay', reply: { status, content_type, body: text.slice(label(request).length) } };
    },

    async keep(of, { status, content_type, body }): Promise<void> {
      const sealed_body = seal(seal_key, `${label(of)}${body}`);
      await keepReply(kysely, of, { status, content_type, sealed_body });
    },

    async release(of: ReplyOf): Promise<void> {
      await releaseKey(kysely, of);
    },

    async forget(): Promise<void> {
      await deleteReplies(kysely, new Date(clock.now() - keptMs));
    },
  };
}
