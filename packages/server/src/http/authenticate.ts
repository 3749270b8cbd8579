import type { MiddlewareHandler } from 'hono';
import { Problem } from '../problem.ts';
import type { AppEnv, Principal } from './principal.ts';

type Found = { id: string; livemode: boolean } | null;

/** A promise only when it has to be read first. */
export type FindSecretKey = (text: string) => Found | Promise<Found>;

export interface AuthenticateDeps {
  /** The secret key behind this text, or null. */
  findSecretKey: FindSecretKey;
  /** Who is signed in by the cookies of these headers, or null. Reads the session store: a revoked session is gone. */
  findSession(headers: Headers): Promise<Principal | null>;
  /** Names the session's cookie may have. */
  session_cookies: readonly string[];
}

const secretKeyPrefix = 'fbx_sk_';

/**
 * Finds out who calls. A request has one credential: a secret key beside a session is refused, so that no proxy or browser
 * can add the second one unnoticed. A bearer token that is no secret key (a customer's API key) is left to its route.
 */
export function createAuthenticate(deps: AuthenticateDeps): MiddlewareHandler<AppEnv> {
  return async (c, next) => {
    const token = bearerOf(c.req.header('authorization'));
    const cookies = c.req.header('cookie');
    const has_session = cookies !== undefined && namesCookie(cookies, deps.session_cookies);
    if (token?.startsWith(secretKeyPrefix)) {
      if (has_session) throw new Problem('ambiguous_key', 'Send a secret key or a session, not both.');
      const key = await deps.findSecretKey(token);
      if (!key) throw new Problem('unauthenticated', 'This secret key is unknown or revoked.');
      c.set('principal', { type: 'seller', secret_key_id: key.id, livemode: key.livemode });
    } else {
      const found = has_session ? await deps.findSession(c.req.raw.headers) : null;
      c.set('principal', found ?? { type: 'anonymous' });
    }
    await next();
  };
}

function bearerOf(authorization: string | undefined): string | null {
  const match = authorization === undefined ? null : /^bearer +([^\s,]+)$/i.exec(authorization.trim());
  return match?.[1] ?? null;
}

function namesCookie(cookies: string, names: readonly string[]): boolean {
  return cookies.split(';').some((pair) => names.includes(pair.slice(0, Math.max(0, pair.indexOf('='))).trim()));
}
