import type { Database, Tx } from '../db/database.ts';
import { invariant } from '../lib/invariant.ts';
import type { Clock } from '../ports.ts';
import type { Audit } from './audit.ts';
import { type Person, insertMember, lockPerson, personById } from './store.ts';

export interface MembersDeps {
  db: Database;
  clock: Clock;
  audit: Audit;
  /** Makes the customer a new person pays through. */
  ensureCustomer: (tx: Tx, person: { name: string; email: string }) => Promise<{ id: string }>;
}

/** What people belong to. Who signs up becomes the owner of a new customer; operators belong to none. */
export function createMembers(deps: MembersDeps) {
  const { db, clock, audit } = deps;

  async function join(user_id: string): Promise<Person | null> {
    return await db.transaction(async (tx) => {
      await lockPerson(tx, user_id);
      const person = await personById(tx, user_id);
      if (person === undefined) return null;
      if (!isHomeless(person)) return person;
      const { id: customer_id } = await deps.ensureCustomer(tx, { name: person.name, email: person.email });
      await insertMember(tx, { customer_id, user_id, role: 'owner', created_at: new Date(clock.now()) });
      await audit.record(tx, {
        actor: `customer:${customer_id}`,
        action: 'member.joined',
        customer_id,
        object_id: user_id,
      });
      return { ...person, customer_id, member_role: 'owner' };
    });
  }

  return {
    /** Gives a person its customer, once, whoever asks and however often. */
    join,

    /** The person with its customer or its operator's role; null when there is no such person. */
    async find(user_id: string): Promise<Person | null> {
      const person = await personById(db.kysely, user_id);
      if (person === undefined) return null;
      // Signing up and joining are two transactions: a crash between them is made good here.
      return isHomeless(person) ? await join(user_id) : person;
    },
  };
}

function isHomeless(person: Person): boolean {
  invariant(person.customer_id === null || person.operator_role === null, 'an operator belongs to no customer');
  return person.customer_id === null && person.operator_role === null;
}
