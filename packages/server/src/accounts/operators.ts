import type { Database } from '../db/database.ts';
import { createId } from '../lib/id.ts';
import { randomToken, sha256 } from '../lib/secret.ts';
import type { Clock } from '../ports.ts';
import { Problem } from '../problem.ts';
import type { Audit } from './audit.ts';
import {
  hasOperator,
  insertOperator,
  insertPerson,
  knowsFirstRunToken,
  lockOperators,
  replaceFirstRunToken,
  takeFirstRunToken,
} from './store.ts';

export interface OperatorsDeps {
  db: Database;
  clock: Clock;
  audit: Audit;
  hashPassword(password: string): Promise<string>;
}

export interface FirstOperator {
  token: string;
  name: string;
  email: string;
  password: string;
}

/** The seller's people. The first one proves to own the machine with a token that only its console shows. */
export function createOperators(deps: OperatorsDeps) {
  const { db, clock, audit } = deps;
  const refusal = () =>
    new Problem('first_run_token_invalid', 'This token is unknown, used or replaced by a newer one.');

  return {
    /** A new token, the older ones are void; null once there is an operator. Only its digest is kept. */
    async issueFirstRunToken(): Promise<string | null> {
      const token = `fbx_first_${randomToken(24)}`;
      return await db.transaction(async (tx) => {
        await lockOperators(tx);
        if (await hasOperator(tx)) return null;
        await replaceFirstRunToken(tx, { digest: sha256(token), created_at: new Date(clock.now()) });
        return token;
      });
    },

    /**
     * Makes the first operator. The token is used up in the transaction that makes the operator: of any number of
     * simultaneous calls one succeeds, and a call that fails for another reason leaves the token as it was.
     */
    async redeemFirstRunToken(input: FirstOperator): Promise<{ user_id: string; email: string }> {
      const digest = sha256(input.token);
      if (!(await knowsFirstRunToken(db.kysely, digest))) throw refusal();
      const password_hash = await deps.hashPassword(input.password);
      const now = clock.now();
      const created_at = new Date(now);
      const person = { id: createId('user', now), account_id: createId('acct', now), name: input.name };
      const email = input.email.toLowerCase();
      return await db.transaction(async (tx) => {
        await lockOperators(tx);
        if (!(await takeFirstRunToken(tx, digest)) || (await hasOperator(tx))) throw refusal();
        if (!(await insertPerson(tx, { ...person, email, password_hash, created_at }))) {
          throw new Problem('invalid_request', 'This address has an account already. Use another one.', {
            param: 'email',
          });
        }
        await insertOperator(tx, { user_id: person.id, role: 'owner', created_at });
        const actor = `operator:${person.id}`;
        await audit.record(tx, { actor, action: 'operator.created', object_id: person.id });
        return { user_id: person.id, email };
      });
    },
  };
}
