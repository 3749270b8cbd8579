import type { Instant } from '@farebox/core';
import { sql } from 'kysely';
import { type Database, type Tx, lockKey } from '../db/database.ts';
import { weekOf } from './store.ts';

/** A part of the events: those that came from `start_at` on (null: from ever) and before `end_at`. */
interface Partition {
  name: string;
  start_at: Instant | null;
  end_at: Instant;
}

/** Makes the partition of a week before it is written to. What was made is remembered: usually that is a look into a set. */
export function createPartitions(db: Pick<Database, 'transaction'>) {
  const known = new Set<Instant>();
  return {
    /** Answers the name of a partition that was made. */
    async ensure(at: Instant): Promise<string | null> {
      const week = weekOf(at);
      if (known.has(week.start_at)) return null;
      const made = await db.transaction(async (tx) => await createPartition(tx, week));
      known.add(week.start_at);
      return made;
    },

    /** Drops the partitions of which everything came before. Answers their names. */
    async dropBefore(before: Instant): Promise<string[]> {
      const dropped = await db.transaction(async (tx) => {
        await lockPartitions(tx);
        // Readers and writers wait for the drop: it gives way to them, and the next run tries again.
        await sql`set local lock_timeout = '5s'`.execute(tx);
        const old = (await partitionsOf(tx)).filter(({ end_at }) => end_at <= before);
        for (const { name } of old) await sql`drop table ${sql.table(name)}`.execute(tx);
        return old.map(({ name }) => name);
      });
      if (dropped.length > 0) known.clear();
      return dropped;
    },
  };
}

async function createPartition(tx: Tx, week: { start_at: Instant; end_at: Instant }): Promise<string | null> {
  await lockPartitions(tx);
  const { start_at, end_at } = week;
  const there = await partitionsOf(tx);
  if (there.some((part) => part.end_at > start_at && (part.start_at ?? Number.NEGATIVE_INFINITY) <= start_at))
    return null;
  const name = `usage_event_${new Date(start_at).toISOString().slice(0, 10).replaceAll('-', '')}`;
  const table = sql.table(name);
  const literal = (at: Instant) => sql.lit(new Date(at).toISOString());
  // Built apart and attached, so that writers are held up by nothing.
  await sql`create table ${table} (like usage_event including defaults including constraints)`.execute(tx);
  await sql`create unique index ${sql.id(`${name}_identity`)} on ${table} (customer_id, id, type, source)`.execute(tx);
  await sql`create index ${sql.id(`${name}_time`)} on ${table} (customer_id, counted_at)`.execute(tx);
  await sql`
    alter table usage_event attach partition ${table} for values from (${literal(start_at)}) to (${literal(end_at)})
  `.execute(tx);
  return name;
}

async function lockPartitions(tx: Tx): Promise<void> {
  await sql`select pg_advisory_xact_lock(${lockKey('usage.partitions')}::bigint)`.execute(tx);
}

async function partitionsOf(tx: Tx): Promise<Partition[]> {
  const { rows } = await sql<{ name: string; start_at: Date | null; end_at: Date }>`
    select name, (parts)[1]::timestamptz as start_at, (parts)[2]::timestamptz as end_at
    from (
      select c.relname as name, regexp_match(
        pg_get_expr(c.relpartbound, c.oid), 'FROM [(](?:MINVALUE|''([^'']+)'')[)] TO [(]''([^'']+)''[)]'
      ) as parts
      from pg_inherits i join pg_class c on c.oid = i.inhrelid
      where i.inhparent = 'usage_event'::regclass
    ) as bounds
  `.execute(tx);
  return rows.map((row) => ({
    name: row.name,
    start_at: row.start_at?.getTime() ?? null,
    end_at: row.end_at.getTime(),
  }));
}
