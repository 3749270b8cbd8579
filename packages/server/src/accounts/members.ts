import type { Database, Tx } from '../db/database.ts';
import { invariant } from '../lib/invariant.ts';
import type { Clock } from '../ports.ts';
import type { Audit } from './audit.ts';
import { type Person, hasMember, insertMember, lockPerson, moveMember, personById } from './store.ts';

export interface MembersDeps {
  db: Database;
  clock: Clock;
  audit: Audit;
  /** Makes the customer a new person pays through. */
  ensureCustomer: (tx: Tx, person: { name: string; email: string }) => Promise<{ id: string }>;
  /** The one customer taken over from elsewhere under this address; null unless `customer_id` never did anything. */
  claimable: (tx: Tx, person: { customer_id: string; email: string }) => Promise<string | null>;
  /** A customer whose person has gone to another one. */
  retire: (tx: Tx, customerId: string) => Promise<void>;
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
    /**
     * Somebody has just shown that an address is theirs: if they pay under it already, since before Farebox came, they belong
     * there. Only to where nobody does yet.
     */
    async claim(user_id: string): Promise<void> {
      await db.transaction(async (tx) => {
        await lockPerson(tx, user_id);
        const person = await personById(tx, user_id);
        if (person === undefined || person.customer_id === null) return;
        const customer_id = await deps.claimable(tx, { customer_id: person.customer_id, email: person.email });
        if (customer_id === null || (await hasMember(tx, customer_id))) return;
        await moveMember(tx, { user_id, customer_id });
        await deps.retire(tx, person.customer_id);
        await audit.record(tx, {
          actor: `customer:${customer_id}`,
          action: 'member.joined',
          customer_id,
          object_id: user_id,
          detail: { instead_of: person.customer_id },
        });
      });
    },

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
