import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { openDatabase } from '../packages/server/src/db/database.ts';
import { findEmbedded } from '../packages/server/src/db/embedded.ts';
import { isAlive } from '../packages/server/src/db/process.ts';
import { makeFolder, removeFolder } from '../packages/server/test/folder.ts';
import { freePort } from '../packages/server/test/free-port.ts';
import { type Program, cleanEnvironment, startProgram } from '../packages/server/test/program.ts';
import { hasRedis, startRedis } from '../packages/server/test/redis-server.ts';
import { createVisitor, payOnPage } from '../packages/server/test/visitor.ts';
import type { Chance } from './chance.ts';
import { startForwarder } from './forwarder.ts';

export type Durability = 'buffered' | 'committed';

interface Killed {
  at: number;
  up_at: number;
  durability: Durability;
}

/** What happens to the system in a round. Resolves when all of it is up again. */
export interface Trouble {
  name: string;
  /** How many rounds of a turn have it. */
  weight: number;
  strike(): Promise<void>;
}

const entry = join(import.meta.dirname, '../packages/server/src/cli/dev.ts');

/**
 * `npm start` with the PostgreSQL and the local Stripe it brings along (this one dies with it, that one does not) and, where this
 * machine has one, a Redis; before it a line that can be cut.
 */
export async function openWorld(chance: Chance) {
  const folder = makeFolder('usage', 'open');
  const redis = hasRedis('Redis in the drill of usage') ? await openRedis(chance) : null;
  /** When the gate answers: before what it counted is written, or after. Another one with every start. */
  let durability: Durability = 'buffered';
  const start = { port: await freePort(11), data_dir: join(folder, 'data') };
  // A program that is killed keeps nothing of what it compiled: one that ends by itself does it once for all that follow.
  const compiled = join(folder, 'compiled');
  execFileSync(
    process.execPath,
    ['--conditions=farebox', '--input-type=module', '--eval', `await import(${JSON.stringify(entry)})`],
    {
      env: { ...cleanEnvironment(), NODE_COMPILE_CACHE: compiled },
    },
  );
  const environment = () => ({
    NODE_COMPILE_CACHE: compiled,
    FAREBOX_CONFIG: join(import.meta.dirname, 'usage-list.ts'),
    // The journal names each request, and each is looked for.
    FAREBOX_GATE_EVENTS: 'each',
    FAREBOX_USAGE_DURABILITY: durability,
    LOG_LEVEL: 'error',
    ...(redis === null ? {} : { REDIS_URL: redis.url }),
  });
  let program: Program = await startProgram({ ...start, environment: environment() });
  const database_url = await findEmbedded(start.data_dir);
  if (database_url === null) throw new Error('the program runs without its database');
  const db = openDatabase({ url: database_url, max: 4 });
  const line = await startForwarder(start.port);
  const { secret_key }: { secret_key: string } = JSON.parse(readFileSync(join(start.data_dir, 'tour.json'), 'utf8'));
  /** The last kill, what ran then, and the start after it, by the drill's time. */
  const killed: Killed = { at: Number.NEGATIVE_INFINITY, up_at: Number.NEGATIVE_INFINITY, durability };
  let offset_ms = 0;
  await prepareRefusals();
  await readClock();

  async function kill(): Promise<void> {
    killed.at = performance.now();
    killed.durability = durability;
    await program.kill();
  }

  async function startAgain(): Promise<void> {
    durability = durability === 'buffered' ? 'committed' : 'buffered';
    program = await startProgram({ ...start, environment: environment() });
    killed.up_at = performance.now();
  }

  /** PostgreSQL's process, which outlives the program's. */
  async function server(): Promise<number> {
    const { rows } = await db.pool.query<{ pid: string }>(
      "select split_part(pg_read_file('postmaster.pid'), e'\\n', 1) as pid",
    );
    return Number(rows[0]?.pid);
  }

  /** Ends it without a word to anybody, as a power cut does: PostgreSQL's immediate shutdown. */
  async function endServer(pid: number): Promise<void> {
    process.kill(pid, 'SIGQUIT');
    await until(() => Promise.resolve(!isAlive(pid)), 'the database ends');
  }

  /** The program's clock is the local Stripe's, which runs as the machine's does and was moved. */
  async function readClock(): Promise<void> {
    const response = await fetch(`${program.stripe_url}/_sandbox/state`);
    const { now_ms }: { now_ms: number } = JSON.parse(await response.text());
    offset_ms = now_ms - Date.now();
  }

  async function advance(ms: number): Promise<void> {
    const response = await fetch(`${program.stripe_url}/_sandbox/clock/advance`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ ms: Math.max(0, Math.ceil(ms)) }),
    });
    if (!response.ok) throw new Error(`the clock answered ${response.status}: ${await response.text()}`);
    await readClock();
  }

  async function answers(): Promise<boolean> {
    try {
      await db.ping();
      return true;
    } catch {
      return false;
    }
  }

  /** Statements that fail while they are named in a table: as where the disk is full, and only there. */
  async function prepareRefusals(): Promise<void> {
    await db.pool.query(`
      create table drill_full (place text primary key);
      create function drill_refuse() returns trigger language plpgsql as $$ begin
        if exists (select from drill_full where place = tg_argv[0]) then
          raise exception 'could not extend file "base/1/2": No space left on device' using errcode = '53100';
        end if;
        return null;
      end $$;
      create trigger drill_events before insert on usage_event for each statement execute function drill_refuse('events');
      create trigger drill_hours before insert on usage_hour for each statement execute function drill_refuse('hours');
      create trigger drill_unique before insert on usage_unique for each statement execute function drill_refuse('unique');
      create trigger drill_batch before insert on usage_batch for each statement execute function drill_refuse('batch');
      create constraint trigger drill_commit after insert or update on usage_hour deferrable initially deferred
        for each row execute function drill_refuse('commit');
    `);
  }

  const troubles: Trouble[] = [
    {
      name: 'killed',
      weight: 2,
      async strike() {
        await kill();
        await startAgain();
      },
    },
    {
      name: 'stopped and continued',
      weight: 1,
      async strike() {
        process.kill(program.pid, 'SIGSTOP');
        await wait(chance.between(300, 900));
        process.kill(program.pid, 'SIGCONT');
      },
    },
    {
      name: 'database ended at once',
      weight: 1,
      async strike() {
        await endServer(await server());
        // The program starts it again.
        await until(async () => await answers(), 'the database is back');
      },
    },
    {
      name: 'killed with its database',
      weight: 1,
      async strike() {
        const pid = await server();
        await kill();
        await endServer(pid);
        await startAgain();
      },
    },
    {
      name: 'disk full',
      weight: 1,
      async strike() {
        for (let times = 0; times < 3; times += 1) {
          const place = chance.oneOf(['events', 'hours', 'unique', 'batch', 'commit']);
          await db.pool.query('insert into drill_full values ($1)', [place]);
          await wait(chance.between(80, 250));
          await db.pool.query('delete from drill_full');
          await wait(chance.between(20, 100));
        }
      },
    },
    {
      name: 'database takes no writes',
      weight: 1,
      async strike() {
        await db.pool.query('alter system set default_transaction_read_only = on');
        await db.pool.query('select pg_reload_conf()');
        await wait(chance.between(200, 500));
        await db.pool.query('alter system reset default_transaction_read_only');
        await db.pool.query('select pg_reload_conf()');
      },
    },
    {
      name: 'answers cut',
      weight: 1,
      async strike() {
        for (let times = 0; times < 6; times += 1) {
          line.cut();
          await wait(chance.between(5, 60));
          line.mend();
          await wait(chance.between(20, 120));
        }
      },
    },
  ];

  return {
    db,
    url: `http://127.0.0.1:${line.port}`,
    headers: { authorization: `Bearer ${secret_key}`, 'content-type': 'application/json' },
    seller: () => createVisitor(program.url, { secret_key }),
    stripe_port: start.port + 1,
    troubles: redis === null ? troubles : [...troubles, ...redis.troubles],
    killed,
    folder,
    now: () => Date.now() + offset_ms,
    advance,
    kill,
    startAgain,
    readClock,
    output: () => program.output(),

    /** Somebody who buys the plan, with the first key of it. */
    async subscriber(index: number): Promise<{ customer_id: string; key: string }> {
      const visitor = createVisitor(program.url);
      const email = `usage-${index}@example.com`;
      await visitor.post('/auth/sign-up/email', { name: 'Usage Drill', email, password: 'a long enough password' });
      const checkout = await visitor.post<{ id: string; url: string }>('/v1/checkout_sessions', { plan_id: 'drill' });
      const paid = await payOnPage(checkout.url);
      if (paid.status !== 303) throw new Error(`the hosted page answered ${paid.status}`);
      await visitor.get(`/v1/checkout_sessions/${checkout.id}`);
      const { secret: key } = await visitor.post<{ secret: string }>('/v1/keys/first');
      const { data } = await visitor.get<{ data: { customer_id: string }[] }>('/v1/subscriptions');
      return { customer_id: data[0]?.customer_id ?? '', key };
    },

    async close(): Promise<void> {
      const pid = (await answers()) ? await server() : null;
      await line.close();
      await db.close();
      await program.interrupt();
      // A program that is gone left it running.
      if (pid !== null && isAlive(pid)) await endServer(pid);
      await redis?.kill();
      removeFolder(folder, start.data_dir);
    },
  };
}

export async function until(holds: () => Promise<boolean>, what: string): Promise<void> {
  for (let waited_ms = 0; !(await holds()); waited_ms += 50) {
    if (waited_ms > 60_000) throw new Error(`in vain: ${what}`);
    await wait(50);
  }
}

/** A Redis that keeps nothing on disk. */
async function openRedis(chance: Chance): Promise<{ url: string; troubles: Trouble[]; kill(): Promise<void> }> {
  let server = await startRedis();
  const { port, url } = server;
  return {
    url,
    kill: () => server.kill(),
    troubles: [
      {
        name: 'Redis killed, and empty again',
        weight: 1,
        async strike() {
          await server.kill();
          await wait(chance.between(50, 400));
          server = await startRedis({ port });
        },
      },
      {
        name: 'Redis flushed',
        weight: 1,
        async strike() {
          for (let times = 0; times < 4; times += 1) {
            await server.say('FLUSHALL');
            await wait(chance.between(20, 120));
          }
        },
      },
    ],
  };
}
