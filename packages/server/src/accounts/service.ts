import type { Database, Tx } from '../db/database.ts';
import type { Log } from '../lib/log.ts';
import type { Clock } from '../ports.ts';
import { type AttemptRule, addressGroup, createAttempts } from './attempts.ts';
import { createAudit } from './audit.ts';
import { type Letter, createAuth, sessionCookie } from './auth.ts';
import { createMembers } from './members.ts';
import { type FirstOperator, createOperators } from './operators.ts';
import { createPortals } from './portals.ts';
import { type Person, deleteMembersOf, deleteResetTokens, hasUnconfirmedMember } from './store.ts';

const minute_ms = 60_000;
const signInsByAddress: AttemptRule = { kind: 'sign_in_address', limit: 60, window_ms: 15 * minute_ms };
const failuresByAccount: AttemptRule = { kind: 'sign_in_account', limit: 10, window_ms: 15 * minute_ms };
const signUpsByAddress: AttemptRule = { kind: 'sign_up', limit: 30, window_ms: 15 * minute_ms };
const lettersByAddress: AttemptRule = { kind: 'letter_address', limit: 10, window_ms: 15 * minute_ms };
const lettersByAccount: AttemptRule = { kind: 'letter_account', limit: 3, window_ms: 15 * minute_ms };
const resetsByAccount: AttemptRule = { kind: 'reset_account', limit: 3, window_ms: 15 * minute_ms };
const resetsByAddress: AttemptRule = { kind: 'reset_address', limit: 20, window_ms: 15 * minute_ms };
const portalsByAddress: AttemptRule = { kind: 'portal', limit: 60, window_ms: 15 * minute_ms };
const tokensByAddress: AttemptRule = { kind: 'first_run', limit: 20, window_ms: 15 * minute_ms };

/** Who a session belongs to. */
export type SessionPrincipal =
  | { type: 'customer'; customer_id: string; user_id: string | null; role: 'owner' }
  | { type: 'operator'; user_id: string; role: 'owner' };

/** A request of a person, as far as signing in needs it. `ip` is null for a call from inside. */
export interface Visit {
  headers: Headers;
  ip: string | null;
}

export interface AccountsDeps {
  db: Database;
  clock: Clock;
  log: Log;
  secret: string;
  base_url: string;
  /** Makes the customer of somebody who signed up. */
  ensureCustomer: (tx: Tx, person: { name: string; email: string }) => Promise<{ id: string }>;
  /** The one customer taken over from elsewhere under this address; null unless `customer_id` never did anything. */
  claimable: (tx: Tx, person: { customer_id: string; email: string }) => Promise<string | null>;
  /** A customer whose person has gone to another one. */
  retire: (tx: Tx, customerId: string) => Promise<void>;
  /** Sends the letter that asks whether an address is its user's. */
  sendVerification: (letter: Letter) => Promise<void>;
  /** Sends the letter that lets its reader set a new password. */
  sendReset: (letter: Letter) => Promise<void>;
  /** Has `sendResetLetter` called soon, outside the request. */
  askForReset: (email: string) => Promise<void>;
}

export type Accounts = ReturnType<typeof createAccounts>;

/** People: signing up and in, what they belong to, the seller's operators, and the audit log. */
export function createAccounts(deps: AccountsDeps) {
  const { db, clock, base_url } = deps;
  const audit = createAudit({ db, clock });
  const attempts = createAttempts({ clock });
  const members = createMembers({ ...deps, audit });
  const auth = createAuth({
    ...deps,
    passwordReset,
    signedUp: async (user_id) => void (await members.join(user_id)),
  });
  const portals = createPortals({ ...deps, audit });
  const operators = createOperators({
    db,
    clock,
    audit,
    hashPassword: async (password) => await (await auth.$context).password.hash(password),
  });

  /** Asks better-auth. Whether the caller may ask from where it stands has been decided, so it is asked as from here. */
  async function ask(method: 'GET' | 'POST', path: string, headers: Headers, body?: object): Promise<Response> {
    const own = new Headers({ origin: new URL(base_url).origin, 'content-type': 'application/json' });
    for (const name of ['cookie', 'user-agent']) {
      const value = headers.get(name);
      if (value !== null) own.set(name, value);
    }
    const init = { method, headers: own, ...(body === undefined ? {} : { body: JSON.stringify(body) }) };
    return await auth.handler(new Request(`${base_url}/auth${path}`, init));
  }

  /** Asks for a new session and ends the one the browser came with, so that no session outlives a sign-in. */
  async function enter(path: string, headers: Headers, body: object): Promise<Response> {
    const before = await auth.api.getSession({ headers, query: { disableRefresh: true } });
    const response = await ask('POST', path, headers, body);
    if (response.ok && before) await (await auth.$context).internalAdapter.deleteSession(before.session.token);
    return response;
  }

  /** The other links of the person are void too; whoever guessed before has not locked the owner out. */
  async function passwordReset(user: { id: string; email: string }): Promise<void> {
    const person = await members.find(user.id);
    const customer_id = person?.customer_id ?? null;
    await db.transaction(async (tx) => {
      await deleteResetTokens(tx, user.id);
      const actor = customer_id === null ? `operator:${user.id}` : `customer:${customer_id}`;
      await audit.record(tx, { actor, action: 'password.reset', customer_id, object_id: user.id });
    });
    attempts.forget(failuresByAccount, user.email.toLowerCase());
    // Only the mailbox's owner had the link, and every session from before is over.
    await members.claim(user.id);
  }

  async function personOf(headers: Headers): Promise<Person | null> {
    const found = await auth.api.getSession({ headers, query: { disableRefresh: true } });
    return found ? await members.find(found.user.id) : null;
  }

  return {
    audit,
    operators,
    portals,
    session_cookies: [sessionCookie(base_url), portals.cookie_name],
    personOf,

    /** Whether everybody who belongs to a customer has shown that their address is theirs; so it is where nobody does. */
    async isConfirmed(customer_id: string): Promise<boolean> {
      return !(await hasUnconfirmedMember(db.kysely, customer_id));
    },

    /** Who is signed in. Every call reads the stored session, so that a revoked one opens nothing. A portal, opened last, goes first. */
    async findSession(headers: Headers): Promise<SessionPrincipal | null> {
      const portal = await portals.find(headers);
      if (portal !== null) return { type: 'customer', customer_id: portal.customer_id, user_id: null, role: 'owner' };
      const person = await personOf(headers);
      if (person === null) return null;
      if (person.operator_role !== null) return { type: 'operator', user_id: person.id, role: 'owner' };
      if (person.customer_id === null) return null;
      return { type: 'customer', customer_id: person.customer_id, user_id: person.id, role: 'owner' };
    },

    /** Cookies that carry an ageing session further; empty while it is young. */
    async renew(headers: Headers): Promise<string[]> {
      const { headers: answer } = await auth.api.getSession({ headers, returnHeaders: true });
      return answer.getSetCookie();
    },

    async signUp(visit: Visit, input: { name: string; email: string; password: string }): Promise<Response> {
      attempts.take(signUpsByAddress, addressGroup(visit.ip));
      return await enter('/sign-up/email', visit.headers, input);
    },

    /**
     * An unknown address and a wrong password get the same answer after the same work. An attempt counts from its start,
     * so that many at once gain nothing, and success clears the account's count.
     */
    async signIn(visit: Visit, input: { email: string; password: string }): Promise<Response> {
      const account = input.email.toLowerCase();
      attempts.take(signInsByAddress, addressGroup(visit.ip));
      attempts.take(failuresByAccount, account);
      const response = await enter('/sign-in/email', visit.headers, input);
      if (response.ok) attempts.forget(failuresByAccount, account);
      return response;
    },

    /** A customer is deleted: who signs in again afterwards begins as a new one. */
    async signOutOf(tx: Tx, customerId: string): Promise<void> {
      await deleteMembersOf(tx, customerId);
    },

    /** Answers the cookies that end what the browser came with: the portal if it is in one, and its own session then goes on. */
    async signOut(visit: Visit): Promise<string[]> {
      const left = await portals.leave(visit.headers);
      if (left !== null) return [left];
      return (await ask('POST', '/sign-out', visit.headers, {})).headers.getSetCookie();
    },

    /** Opens a portal by its link; answers the cookie of its session. */
    async enterPortal(visit: Visit, link: string): Promise<string> {
      attempts.take(portalsByAddress, addressGroup(visit.ip));
      return await portals.enter(link);
    },

    async resendVerification(visit: Visit, input: { email: string }): Promise<Response> {
      attempts.take(lettersByAddress, addressGroup(visit.ip));
      attempts.take(lettersByAccount, input.email.toLowerCase());
      return await ask('POST', '/send-verification-email', visit.headers, input);
    },

    /** Where the reader of the letter goes next: `/verify`, with `?error=…` when the link is of no use. */
    async verifyEmail(visit: Visit, token: string): Promise<string> {
      const query = new URLSearchParams({ token, callbackURL: '/verify' });
      const before = await personOf(visit.headers);
      const response = await ask('GET', `/verify-email?${query.toString()}`, visit.headers);
      // Only in the browser that signed up: whoever signed up under a stranger's address gains nothing by their opening the link.
      if (before?.email_verified === false && (await personOf(visit.headers))?.email_verified === true)
        await members.claim(before.id);
      return response.headers.get('location') ?? '/verify?error=INVALID_TOKEN';
    },

    /**
     * Whether the address is known is looked up by a job: a request does the same work for any address, so that neither
     * its answer nor its time tells who has an account.
     */
    async requestPasswordReset(visit: Visit, input: { email: string }): Promise<void> {
      const email = input.email.toLowerCase();
      attempts.take(lettersByAddress, addressGroup(visit.ip));
      attempts.take(resetsByAccount, email);
      await deps.askForReset(email);
    },

    /** Sends the letter if the address has an account. Throws when that failed and is to be tried again. */
    async sendResetLetter(email: string): Promise<void> {
      const response = await ask('POST', '/request-password-reset', new Headers(), { email });
      if (!response.ok) throw new Error(`better-auth answered ${response.status} to a request for a reset letter`);
    },

    /** A new password for the token of a letter, which is used up; every session of the person ends with it. */
    async resetPassword(visit: Visit, input: { token: string; new_password: string }): Promise<Response> {
      attempts.take(resetsByAddress, addressGroup(visit.ip));
      const { token, new_password: newPassword } = input;
      return await ask('POST', '/reset-password', visit.headers, { token, newPassword });
    },

    async firstRun(visit: Visit, input: FirstOperator): Promise<{ user_id: string; email: string }> {
      attempts.take(tokensByAddress, addressGroup(visit.ip));
      return await operators.redeemFirstRunToken(input);
    },
  };
}
