import { randomUUID } from 'node:crypto';
import { sql } from 'kysely';
import type pg from 'pg';
import { coalesced, handlings, type JobName } from '../../packages/server/src/queue/jobs.ts';
import type { Queue } from '../../packages/server/src/queue/queue.ts';

/** What a job that is due is given to. */
export type Handlers = Map<string, (data: never) => Promise<void>>;

export interface DueJob {
  id: number;
  name: JobName;
  data: never;
  attempts: number;
}

export const queueTable = `
  create unlogged table drill_job (
    id bigint generated always as identity primary key, name text not null, key text not null, data jsonb not null,
    state text not null default 'created', attempts int not null default 0, run_after float8 not null default 0);
  create unique index on drill_job (name, key) where state = 'created';`;

/**
 * The queue's promises on a table: a job exists if and only if its transaction commits, of those that wait there is one per
 * key, and one that fails runs again later. Which job runs next is the drill's to say. Mails are made and not sent.
 */
export function createDrillQueue(deps: { handlers: Handlers; enqueued(): void }): Queue {
  return {
    start: () => Promise.resolve(),
    async enqueue(tx, { name, data, singletonKey }) {
      if (name === 'notice.send') return;
      const own: ((data: never) => string) | undefined = coalesced[name];
      const key = singletonKey ?? own?.(data as never) ?? randomUUID();
      await sql`insert into drill_job (name, key, data) values (${name}, ${key}, ${JSON.stringify(data)})
        on conflict (name, key) where state = 'created' do nothing`.execute(tx);
      deps.enqueued();
    },
    work(name, handler) {
      deps.handlers.set(name, handler as (data: never) => Promise<void>);
    },
    every: () => undefined,
    idle: () => Promise.resolve(),
    dead: () => Promise.resolve([]),
    revive: () => Promise.resolve(false),
    stop: () => Promise.resolve(),
  };
}

/** The side of the queue that takes jobs and says what became of them. */
export function createJobTable(pool: pg.Pool) {
  return {
    /** The one that was done is gone, and another one is taken, if one is due. */
    async take(now: number, salt: number, done: number | null): Promise<DueJob | null> {
      const { rows } = await pool.query<DueJob>(
        `with gone as (delete from drill_job where id = $3)
         update drill_job set state = 'active', attempts = attempts + 1 where id = (
           select id from drill_job where state in ('created', 'retry') and run_after <= $1
           order by hashint8extended(id, $2) limit 1) returning id, name, data, attempts`,
        [now, salt, done],
      );
      return rows[0] ?? null;
    },
    async failed({ id, name, attempts }: DueJob, now: number): Promise<void> {
      const isDead = attempts > handlings[name].retries;
      const wait = Math.min(600_000, 1000 * 2 ** (attempts - 1));
      await pool.query('update drill_job set state = $2, run_after = $3 where id = $1', [
        id,
        isDead ? 'dead' : 'retry',
        now + wait,
      ]);
    },
    /** What a killed process was at is there for the next. */
    async takeOver(): Promise<void> {
      await pool.query("update drill_job set state = 'retry' where state = 'active'");
    },
    /** When the next job that waits is due; null when none waits. */
    async next(): Promise<number | null> {
      const { rows } = await pool.query<{ at: number | null }>(
        "select min(run_after) as at from drill_job where state in ('created', 'retry')",
      );
      return rows[0]?.at ?? null;
    },
    async dead(): Promise<{ name: string; data: unknown }[]> {
      return (
        await pool.query<{ name: string; data: unknown }>("select name, data from drill_job where state = 'dead'")
      ).rows;
    },
  };
}
