import type { Context } from 'hono';
import { Problem } from '../problem.ts';

/** Who calls. It comes from the credential and from nowhere else: no body, query or header can name it. */
export type Principal =
  | { type: 'seller'; secret_key_id: string; livemode: boolean }
  /** `user_id`: null for somebody without an account, who came by a link the seller asked for. */
  | { type: 'customer'; customer_id: string; user_id: string | null; role: 'owner' }
  | { type: 'operator'; user_id: string; role: 'owner' }
  | { type: 'anonymous' };

/** What every request carries through Hono. `Bindings` is what the Node adapter passes beside a request. */
export interface AppEnv {
  Variables: {
    principal: Principal;
    request_id: string;
    client_ip: string | null;
  };
  Bindings: {
    incoming?: { socket: { remoteAddress?: string | undefined } };
  };
}

type Of<T extends Principal['type']> = Extract<Principal, { type: T }>;

/** The refusal for a caller that may not do this. */
export function refusalOf(principal: Principal): Problem {
  return principal.type === 'anonymous'
    ? new Problem('unauthenticated', 'This needs a credential: a secret key in the Authorization header or a session.')
    : new Problem('forbidden', 'Your credential does not open this.');
}

/** The seller's program, by its secret key. */
export function requireSeller(c: Context<AppEnv>): Of<'seller'> {
  const principal = c.get('principal');
  if (principal.type !== 'seller') throw refusalOf(principal);
  return principal;
}

/** The customer of the session; the only source of a customer's id for what customers do. */
export function requireCustomer(c: Context<AppEnv>): string {
  const principal = c.get('principal');
  if (principal.type !== 'customer') throw refusalOf(principal);
  return principal.customer_id;
}

/** One of the seller's people. */
export function requireOperator(c: Context<AppEnv>): Of<'operator'> {
  const principal = c.get('principal');
  if (principal.type !== 'operator') throw refusalOf(principal);
  return principal;
}

/** The seller's side: its program or its people. */
export function requireSellerSide(c: Context<AppEnv>): Of<'seller'> | Of<'operator'> {
  const principal = c.get('principal');
  if (principal.type !== 'seller' && principal.type !== 'operator') throw refusalOf(principal);
  return principal;
}

/**
 * Whose objects the caller may see: one customer's id, or null for everybody's. A customer gets its own whatever it asks
 * for; naming another one answers as if that one did not exist.
 */
export function customerScope(c: Context<AppEnv>, customer_id?: string): string | null {
  const principal = c.get('principal');
  if (principal.type === 'anonymous') throw refusalOf(principal);
  if (principal.type !== 'customer') return customer_id ?? null;
  if (customer_id !== undefined && customer_id !== principal.customer_id) {
    throw new Problem('not_found', 'There is no such customer.', { param: 'customer_id' });
  }
  return principal.customer_id;
}

/** The one customer who is meant: the seller says whose, a customer means its own, and another's answers as one that does not exist. */
export function namedCustomer(c: Context<AppEnv>, customer_id?: string): string {
  const scope = customerScope(c, customer_id);
  if (scope === null) throw new Problem('invalid_request', 'customer_id: Say whose.', { param: 'customer_id' });
  return scope;
}

/** The caller's name in the audit log. */
export function actorOf(principal: Principal): string {
  if (principal.type === 'seller') return `seller:${principal.secret_key_id}`;
  if (principal.type === 'operator') return `operator:${principal.user_id}`;
  if (principal.type === 'customer') return `customer:${principal.customer_id}`;
  return 'anonymous';
}

/** Who wishes, from the credential alone: the name for the audit log, whose objects they may touch (null: everybody's), whose side they are on. */
export function wisherOf(c: Context<AppEnv>): {
  actor: string;
  customer_id: string | null;
  by: 'customer' | 'seller';
} {
  const principal = c.get('principal');
  const by = principal.type === 'customer' ? 'customer' : 'seller';
  return { actor: actorOf(principal), customer_id: customerScope(c), by };
}
