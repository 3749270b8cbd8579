import { sql } from 'kysely';
import type { Reader, Tx } from '../db/database.ts';
import type { Json } from '../db/tables.ts';

/** A person, with what the person belongs to. */
export interface Person {
  id: string;
  name: string;
  email: string;
  email_verified: boolean;
  customer_id: string | null;
  member_role: string | null;
  operator_role: string | null;
}

export async function personById(db: Reader, user_id: string): Promise<Person | undefined> {
  return await db
    .selectFrom('auth_user')
    .leftJoin('member', 'member.user_id', 'auth_user.id')
    .leftJoin('operator', 'operator.user_id', 'auth_user.id')
    .where('auth_user.id', '=', user_id)
    .select([
      'auth_user.id',
      'auth_user.name',
      'auth_user.email',
      'auth_user.email_verified',
      'member.customer_id',
      'member.role as member_role',
      'operator.role as operator_role',
    ])
    .executeTakeFirst();
}

/** An opened portal session: whose pages it shows, until when, and where its person came from. */
export interface PortalSession {
  id: string;
  customer_id: string;
  return_url: string | null;
  expires_at: Date;
}

export async function insertPortalSession(
  tx: Tx,
  row: PortalSession & { link_digest: Buffer; link_expires_at: Date; created_at: Date },
): Promise<void> {
  await tx.insertInto('portal_session').values(row).execute();
}

/** Uses a link up. Null when it is unknown, used or over. */
export async function openPortalSession(
  tx: Tx,
  by: { link_digest: Buffer; session_digest: Buffer; now: Date; expires_at: Date },
): Promise<{ id: string; customer_id: string } | null> {
  const opened = await tx
    .updateTable('portal_session')
    .set({ session_digest: by.session_digest, expires_at: by.expires_at })
    .where('link_digest', '=', by.link_digest)
    .where('session_digest', 'is', null)
    .where('link_expires_at', '>', by.now)
    .returning(['id', 'customer_id'])
    .executeTakeFirst();
  return opened ?? null;
}

export async function portalSessionBy(db: Reader, session_digest: Buffer, now: Date): Promise<PortalSession | null> {
  const found = await db
    .selectFrom('portal_session')
    .select(['id', 'customer_id', 'return_url', 'expires_at'])
    .where('session_digest', '=', session_digest)
    .where('expires_at', '>', now)
    .executeTakeFirst();
  return found ?? null;
}

export async function deletePortalSession(db: Reader, session_digest: Buffer): Promise<void> {
  await db.deleteFrom('portal_session').where('session_digest', '=', session_digest).execute();
}

export async function deleteExpiredPortalSessions(tx: Tx, now: Date): Promise<void> {
  await tx.deleteFrom('portal_session').where('expires_at', '<=', now).execute();
}

export async function hasMember(db: Reader, customer_id: string): Promise<boolean> {
  const found = await db
    .selectFrom('member')
    .select('user_id')
    .where('customer_id', '=', customer_id)
    .executeTakeFirst();
  return found !== undefined;
}

export async function moveMember(tx: Tx, member: { user_id: string; customer_id: string }): Promise<void> {
  const { user_id, customer_id } = member;
  await tx.updateTable('member').set({ customer_id }).where('user_id', '=', user_id).execute();
}

/** Whether somebody belongs to this customer under an address that nobody has confirmed to be theirs. */
export async function hasUnconfirmedMember(db: Reader, customer_id: string): Promise<boolean> {
  const found = await db
    .selectFrom('member')
    .innerJoin('auth_user', 'auth_user.id', 'member.user_id')
    .select('auth_user.id')
    .where('member.customer_id', '=', customer_id)
    .where('auth_user.email_verified', '=', false)
    .limit(1)
    .executeTakeFirst();
  return found !== undefined;
}

/** Holds the person's row until the transaction ends, so that two requests cannot both give it a customer. */
export async function lockPerson(tx: Tx, user_id: string): Promise<void> {
  await tx.selectFrom('auth_user').select('id').where('id', '=', user_id).forUpdate().execute();
}

export async function insertMember(
  tx: Tx,
  member: { customer_id: string; user_id: string; role: 'owner'; created_at: Date },
): Promise<void> {
  await tx.insertInto('member').values(member).execute();
}

/** The people of a customer belong to none afterwards, and are signed out everywhere. */
export async function deleteMembersOf(tx: Tx, customer_id: string): Promise<void> {
  await tx.deleteFrom('portal_session').where('customer_id', '=', customer_id).execute();
  const left = await tx.deleteFrom('member').where('customer_id', '=', customer_id).returning('user_id').execute();
  if (left.length === 0) return;
  const people = left.map(({ user_id }) => user_id);
  await tx.deleteFrom('auth_session').where('user_id', 'in', people).execute();
}

/** Voids the links by which a person could set a new password. The tokens are hashed; `value` says whose they are. */
export async function deleteResetTokens(tx: Tx, user_id: string): Promise<void> {
  await tx.deleteFrom('auth_verification').where('value', '=', user_id).execute();
}

/** Nobody else becomes operator, or gets a token for it, until the transaction ends. */
export async function lockOperators(tx: Tx): Promise<void> {
  await sql`lock table operator in share row exclusive mode`.execute(tx);
}

export async function hasOperator(db: Reader): Promise<boolean> {
  return (await db.selectFrom('operator').select('user_id').limit(1).executeTakeFirst()) !== undefined;
}

export async function replaceFirstRunToken(tx: Tx, token: { digest: Buffer; created_at: Date }): Promise<void> {
  await tx.deleteFrom('first_run_token').execute();
  await tx.insertInto('first_run_token').values(token).execute();
}

export async function knowsFirstRunToken(db: Reader, digest: Buffer): Promise<boolean> {
  const row = await db.selectFrom('first_run_token').select('digest').where('digest', '=', digest).executeTakeFirst();
  return row !== undefined;
}

/** Uses the token up. False when somebody else has. */
export async function takeFirstRunToken(tx: Tx, digest: Buffer): Promise<boolean> {
  const rows = await tx.deleteFrom('first_run_token').where('digest', '=', digest).returning('digest').execute();
  return rows.length === 1;
}

/** A person who signs in with a password, as better-auth stores one. False when the address is taken. */
export async function insertPerson(
  tx: Tx,
  person: { id: string; account_id: string; name: string; email: string; password_hash: string; created_at: Date },
): Promise<boolean> {
  const { created_at } = person;
  const times = { created_at, updated_at: created_at };
  const inserted = await tx
    .insertInto('auth_user')
    .values({ id: person.id, name: person.name, email: person.email, email_verified: true, ...times })
    .onConflict((conflict) => conflict.column('email').doNothing())
    .returning('id')
    .execute();
  if (inserted.length === 0) return false;
  await tx
    .insertInto('auth_account')
    .values({
      id: person.account_id,
      user_id: person.id,
      account_id: person.id,
      provider_id: 'credential',
      password: person.password_hash,
      ...times,
    })
    .execute();
  return true;
}

export async function insertOperator(
  tx: Tx,
  operator: { user_id: string; role: 'owner'; created_at: Date },
): Promise<void> {
  await tx.insertInto('operator').values(operator).execute();
}

export async function insertAuditEntry(
  db: Reader,
  entry: {
    id: string;
    actor: string;
    action: string;
    customer_id: string | null;
    object_id: string | null;
    detail: Record<string, Json>;
    created_at: Date;
  },
): Promise<void> {
  await db
    .insertInto('audit_entry')
    .values({ ...entry, detail: JSON.stringify(entry.detail) })
    .execute();
}
