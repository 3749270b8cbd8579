import { betterAuth } from 'better-auth';
import type { Database } from '../db/database.ts';
import { createId } from '../lib/id.ts';
import type { Log } from '../lib/log.ts';
import { sha256 } from '../lib/secret.ts';
import type { Clock } from '../ports.ts';

/** A letter with a link that only the owner of an address is to have. */
export interface Letter {
  user: { id: string; name: string; email: string };
  url: string;
  /** The same for the same letter. */
  dedupe_key: string;
}

export interface AuthDeps {
  db: Database;
  clock: Clock;
  log: Log;
  /** Signs session cookies and verification links. */
  secret: string;
  base_url: string;
  /** Its link opens `/auth/verify-email`, which sends the reader on to `/verify`. */
  sendVerification: (letter: Letter) => Promise<void>;
  /** Its link opens `/reset-password`. */
  sendReset: (letter: Letter) => Promise<void>;
  /** Runs when somebody has set a new password through a letter, and every session of theirs is gone. */
  passwordReset: (user: { id: string; email: string }) => Promise<void>;
  /** Runs when a person has signed up. */
  signedUp: (user_id: string) => Promise<void>;
}

/** The shortest and longest password taken. The lower bound follows OWASP ASVS 5.0 V6.2.1, the upper one only bounds work. */
export const passwordLength = { min: 10, max: 256 };

const sessionSeconds = 7 * 86_400;
const renewAfterSeconds = 86_400;
const verificationSeconds = 86_400;
/** The letter and the page say `an hour`. */
const resetSeconds = 3_600;

/**
 * better-auth on our database: email and password, sessions in rows and not in cookies, so that a revoked one is gone at
 * once. Passwords are hashed with scrypt in libuv's threads. Its own rate limit is off: `attempts.ts` counts instead.
 */
export function createAuth(deps: AuthDeps) {
  const { base_url, clock, log } = deps;
  return betterAuth({
    appName: 'Farebox',
    baseURL: base_url,
    basePath: '/auth',
    secret: deps.secret,
    trustedOrigins: [new URL(base_url).origin],
    database: { db: deps.db.kysely, type: 'postgres', transaction: true },
    telemetry: { enabled: false },
    rateLimit: { enabled: false },
    emailAndPassword: {
      enabled: true,
      autoSignIn: true,
      minPasswordLength: passwordLength.min,
      maxPasswordLength: passwordLength.max,
      resetPasswordTokenExpiresIn: resetSeconds,
      revokeSessionsOnPasswordReset: true,
      // The token stands in the fragment, which browsers send to no server: no log on the way has it.
      sendResetPassword: async ({ user, token }) =>
        await deps.sendReset(letter('reset_password', user, token, `${base_url}/reset-password#token=${token}`)),
      onPasswordReset: async ({ user }) => await deps.passwordReset({ id: user.id, email: user.email }),
    },
    emailVerification: {
      sendOnSignUp: true,
      expiresIn: verificationSeconds,
      sendVerificationEmail: async ({ user, token }) =>
        await deps.sendVerification(
          letter('verify_address', user, token, `${base_url}/auth/verify-email?token=${token}`),
        ),
    },
    session: {
      modelName: 'auth_session',
      fields: sessionFields,
      expiresIn: sessionSeconds,
      updateAge: renewAfterSeconds,
      cookieCache: { enabled: false },
    },
    user: { modelName: 'auth_user', fields: userFields },
    account: { modelName: 'auth_account', fields: accountFields },
    // The identifier holds the reset link's token: hashed, so that who reads the database cannot use it.
    verification: { modelName: 'auth_verification', fields: verificationFields, storeIdentifier: 'hashed' },
    databaseHooks: { user: { create: { after: async (user) => await deps.signedUp(user.id) } } },
    advanced: {
      ...cookies(base_url),
      ipAddress: { disableIpTracking: true },
      database: { generateId: ({ model }) => createId(idPrefix(model), clock.now()) },
    },
    // What is no refusal reaches our own answer: a database that does not answer is 503 here too, not a bare 500.
    onAPIError: { throw: true },
    logger: { level: 'warn', log: (level, message) => log[level]({ part: 'better-auth' }, message) },
  });
}

function letter(kind: string, { id, name, email }: Letter['user'], token: string, url: string): Letter {
  const digest = sha256(token).toString('hex').slice(0, 16);
  return { user: { id, name, email }, url, dedupe_key: `${kind}:${id}:${digest}` };
}

/** The cookie that carries the session. `__Host-` binds it to this origin wherever the transport is encrypted. */
export function sessionCookie(base_url: string): string {
  return base_url.startsWith('https:') ? '__Host-farebox.session_token' : 'farebox.session_token';
}

function cookies(base_url: string) {
  const https = base_url.startsWith('https:');
  // better-auth would put `__Secure-` before the name we choose, so its prefix is off and the attribute set here.
  return {
    useSecureCookies: false,
    cookiePrefix: `${https ? '__Host-' : ''}farebox`,
    defaultCookieAttributes: { httpOnly: true, sameSite: 'lax' as const, secure: https, path: '/' },
  };
}

function idPrefix(model: string): string {
  if (model.includes('session')) return 'sess';
  if (model.includes('account')) return 'acct';
  return model.includes('user') ? 'user' : 'vrfy';
}

const times = { createdAt: 'created_at', updatedAt: 'updated_at' };

const userFields = { emailVerified: 'email_verified', ...times };

const sessionFields = {
  userId: 'user_id',
  expiresAt: 'expires_at',
  ipAddress: 'ip_address',
  userAgent: 'user_agent',
  ...times,
};

const accountFields = {
  userId: 'user_id',
  accountId: 'account_id',
  providerId: 'provider_id',
  accessToken: 'access_token',
  refreshToken: 'refresh_token',
  idToken: 'id_token',
  accessTokenExpiresAt: 'access_token_expires_at',
  refreshTokenExpiresAt: 'refresh_token_expires_at',
  ...times,
};

const verificationFields = { expiresAt: 'expires_at', ...times };
