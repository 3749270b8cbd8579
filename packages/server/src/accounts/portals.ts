import type { Database } from '../db/database.ts';
import { createId } from '../lib/id.ts';
import { randomToken, sha256 } from '../lib/secret.ts';
import type { Clock } from '../ports.ts';
import { Problem } from '../problem.ts';
import type { Audit } from './audit.ts';
import {
  type PortalSession,
  deleteExpiredPortalSessions,
  deletePortalSession,
  insertPortalSession,
  openPortalSession,
  portalSessionBy,
} from './store.ts';

const minute_ms = 60_000;
const linkLasts_ms = 10 * minute_ms;
const sessionLasts_ms = 60 * minute_ms;

/** The cookie of a portal session. `__Host-` binds it to this origin wherever the transport is encrypted. */
function portalCookie(base_url: string): string {
  return base_url.startsWith('https:') ? '__Host-farebox.portal' : 'farebox.portal';
}

/**
 * The dashboard for people whom the seller signs in itself: its program asks for a link, the person opens it, and has the
 * customer's pages for an hour. Only digests are kept, of the link as of the session.
 */
export function createPortals(deps: { db: Database; clock: Clock; audit: Audit; base_url: string }) {
  const { db, clock, audit, base_url } = deps;
  const name = portalCookie(base_url);

  function cookie(value: string, maxAge_s: number): string {
    const secure = base_url.startsWith('https:') ? '; Secure' : '';
    return `${name}=${value}; Max-Age=${maxAge_s}; Path=/; HttpOnly; SameSite=Lax${secure}`;
  }

  function tokenOf(headers: Headers): string | null {
    const pairs = (headers.get('cookie') ?? '').split(';').map((pair) => pair.trim());
    const value = pairs.find((pair) => pair.startsWith(`${name}=`))?.slice(name.length + 1) ?? '';
    return value === '' ? null : value;
  }

  return {
    cookie_name: name,

    /** A link for one person, good once and for ten minutes. Its token is in the fragment, which no server and no log sees. */
    async create(input: { actor: string; customer_id: string; return_url: string | null }) {
      const token = randomToken();
      const now = clock.now();
      const expires_at = new Date(now + linkLasts_ms);
      const id = createId('port', now);
      const { customer_id, return_url } = input;
      await db.transaction(async (tx) => {
        await deleteExpiredPortalSessions(tx, new Date(now));
        await insertPortalSession(tx, {
          id,
          customer_id,
          return_url,
          link_digest: sha256(token),
          link_expires_at: expires_at,
          expires_at,
          created_at: new Date(now),
        });
        const entry = { actor: input.actor, action: 'portal_session.created', customer_id, object_id: id };
        await audit.record(tx, entry);
      });
      return { url: `${base_url}/portal#token=${token}`, expires_at };
    },

    /** Uses the link up; answers the cookie that carries the session. Of any number of simultaneous calls one succeeds. */
    async enter(link: string): Promise<string> {
      const token = randomToken();
      const now = clock.now();
      await db.transaction(async (tx) => {
        const opened = await openPortalSession(tx, {
          link_digest: sha256(link),
          session_digest: sha256(token),
          now: new Date(now),
          expires_at: new Date(now + sessionLasts_ms),
        });
        if (opened === null) {
          throw new Problem(
            'portal_link_invalid',
            'This link was used, is older than ten minutes, or was never made. Ask for a new one where you got it.',
          );
        }
        const { id, customer_id } = opened;
        const entry = { action: 'portal_session.opened', customer_id, object_id: id };
        await audit.record(tx, { actor: `customer:${customer_id}`, ...entry });
      });
      return cookie(token, sessionLasts_ms / 1000);
    },

    /** Whose pages the cookie of these headers opens; null when none or no longer. */
    async find(headers: Headers): Promise<PortalSession | null> {
      const token = tokenOf(headers);
      return token === null ? null : await portalSessionBy(db.kysely, sha256(token), new Date(clock.now()));
    },

    /** Ends the session of these headers; answers the cookie that takes its place, null when there is none. */
    async leave(headers: Headers): Promise<string | null> {
      const token = tokenOf(headers);
      if (token === null) return null;
      await deletePortalSession(db.kysely, sha256(token));
      return cookie('', 0);
    },
  };
}
