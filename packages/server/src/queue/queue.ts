import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { fromKysely, PgBoss, type JobWithMetadata } from 'pg-boss';
import type { Reader } from '../db/database.ts';
import { invariant } from '../lib/invariant.ts';
import type { Log } from '../lib/log.ts';
import { coalesced, handlings, longestRetryDelay_s, type Job, type JobName, type Jobs } from './jobs.ts';

/** Work to be done after a transaction, at least once. */
export interface Queue {
  /** Makes the queue's tables if need be and starts the handlers. `work` and `every` come before. */
  start(): Promise<void>;
  /** Adds a job in the transaction `tx`: it exists if and only if that commits, and starts as soon as it has. */
  enqueue(tx: Reader, job: Job): Promise<void>;
  /**
   * Runs `handler` for the jobs of a name. A job may run again after it had its effect (a crash before it was marked
   * done), so a handler is idempotent. A handler that throws is logged and runs again later.
   */
  work<N extends JobName>(name: N, handler: (data: Jobs[N]) => Promise<void>): void;
  /** Adds a job of that name (with no data) by a cron expression in UTC; once per tick, however many processes run. */
  every(cron: string, name: JobName): void;
  /** Resolves when no job that is due now waits or runs, of the names this process works. */
  idle(): Promise<void>;
  /** Jobs that failed for good, newest first. */
  dead(limit?: number): Promise<DeadJob[]>;
  /** Gives a dead job one more try. False when there is none of that id. */
  revive(job: { id: string; name: string }): Promise<boolean>;
  /** Takes no more jobs and waits for those that run. */
  stop(): Promise<void>;
}

export interface DeadJob {
  id: string;
  name: string;
  data: unknown;
  attempts: number;
  error: string;
  failed_at: Date;
}

interface Options {
  /** Connection string of the database the rows are in; the queue keeps a small pool of its own, and listens. */
  url: string;
  log: Log;
  /** How often jobs of crashed processes are looked for. */
  supervise_s?: number;
  /** No other process works on this database: what still counts as running at the start was cut short and runs again at once. */
  sole?: boolean;
  /** False: jobs are added here and worked elsewhere, schedules too. */
  works?: boolean;
}

const schema = 'pgboss';
/**
 * New jobs are announced (LISTEN); jobs to be tried again are not, and behind some poolers nothing is. One question finds the
 * names that have some, and wakes their workers: each worker asking for itself would be dozens of questions each time.
 */
const look_ms = 2000;
/** How often a worker asks by itself. */
const poll_s = 60;
/** A process that is gone for this long loses its jobs to another. */
const heartbeat_s = 20;
const stopTimeout_ms = 30_000;

type Handler = (data: unknown) => Promise<void>;

/** pg-boss, behind the few verbs the slices need. */
export function createQueue({ url, log, supervise_s = 10, sole = false, works = true }: Options): Queue {
  const boss = open({ url, log, supervise_s, works });
  const handlers = new Map<JobName, Handler>();
  const crons = new Map<JobName, string>();
  const workers = new Map<string, JobName>();
  let state: 'new' | 'running' | 'stopped' = 'new';

  let stopping: Promise<void> | null = null;

  let looking: NodeJS.Timeout | null = null;

  function wake(names: readonly string[]): void {
    for (const [id, name] of workers) if (names.includes(name)) boss.notifyWorker(id);
  }

  async function look(): Promise<void> {
    try {
      wake((await findDue(boss, [...handlers.keys()])).waiting);
    } catch (error) {
      if (state === 'running') log.warn({ error }, 'queue could not look for jobs');
    }
  }

  async function stop(): Promise<void> {
    const wasRunning = state === 'running';
    state = 'stopped';
    if (looking !== null) clearInterval(looking);
    if (!wasRunning) return;
    if (works) for (const name of handlers.keys()) await boss.offWork(name, { wait: false });
    await boss.stop({ graceful: true, timeout: stopTimeout_ms });
  }

  return {
    async start() {
      invariant(state === 'new', 'a queue starts once');
      state = 'running';
      await boss.start();
      await prepareQueues(boss);
      if (sole) await takeOver(boss);
      if (!works) return;
      if (handlers.size > 0) await prepareCrons(boss, crons);
      for (const [name, handler] of handlers) {
        for (let i = 0; i < handlings[name].concurrency; i += 1)
          workers.set(await startWorker(boss, name, handler, log), name);
      }
      if (handlers.size > 0) looking = setInterval(() => void look(), look_ms);
    },
    async enqueue(tx, job) {
      invariant(state !== 'new', 'jobs are added after the start');
      const { name, data, singletonKey, startAfter } = job;
      await boss.send(name, data, {
        db: fromKysely(tx),
        singletonKey: singletonKey ?? defaultKey(name, data),
        ...(startAfter === undefined ? {} : { startAfter: new Date(startAfter) }),
      });
    },
    work<N extends JobName>(name: N, handler: (data: Jobs[N]) => Promise<void>) {
      invariant(state === 'new', 'handlers are given before the start');
      invariant(!handlers.has(name), `${name} has one handler`);
      handlers.set(name, async (data) => await handler(asData<N>(data)));
    },
    every(cron, name) {
      invariant(state === 'new', 'schedules are given before the start');
      crons.set(name, cron);
    },
    async idle() {
      while (works && state === 'running') {
        const { waiting, count } = await findDue(boss, [...handlers.keys()]);
        if (count === 0) return;
        wake(waiting);
        await sleep(10);
      }
    },
    dead: (limit = 100) => findDead(boss, limit),
    async revive({ id, name }) {
      const isDead = (await findDead(boss, 1, id)).length > 0;
      if (isDead) await boss.retry(name, id);
      wake([name]);
      return isDead;
    },
    stop: () => (stopping ??= stop()),
  };
}

function open(options: { url: string; log: Log; supervise_s: number; works: boolean }): PgBoss {
  const { url: connectionString, log, supervise_s, works } = options;
  const boss = new PgBoss({
    connectionString,
    application_name: 'farebox-queue',
    schema,
    max: 5,
    useListenNotify: works,
    supervise: works,
    schedule: works,
    superviseIntervalSeconds: supervise_s,
    monitorIntervalSeconds: supervise_s,
    monitorVacuum: false,
  });
  boss.on('error', (error) => log.error({ error }, 'queue failed'));
  boss.on('warning', (warning) => log.warn({ warning }, 'queue warns'));
  return boss;
}

/** One worker runs one job at a time. */
async function startWorker(boss: PgBoss, name: JobName, handler: Handler, log: Log): Promise<string> {
  let id: string | null = null;
  const options = {
    batchSize: 1,
    includeMetadata: true,
    pollingIntervalSeconds: poll_s,
    notifyPollingIntervalSeconds: poll_s,
  } as const;
  id = await boss.work(name, options, async (jobs: JobWithMetadata<unknown>[]) => {
    for (const job of jobs) await run(job, handler, log);
    // There may be more: look again at once, without waiting for the next poll.
    if (id !== null) boss.notifyWorker(id);
  });
  return id;
}

/** What pg-boss hands back is what `enqueue` was given: both sides are typed by `Jobs`, JSON lies in between. */
function asData<N extends JobName>(data: unknown): Jobs[N] {
  invariant(typeof data === 'object' && data !== null, 'a job has data');
  return data as Jobs[N];
}

async function run(job: JobWithMetadata<unknown>, handler: Handler, log: Log): Promise<void> {
  const fields = { job: job.name, job_id: job.id, attempt: job.retryCount + 1 };
  try {
    await handler(job.data ?? {});
    log.debug(fields, 'job done');
  } catch (error) {
    if (job.retryCount < job.retryLimit) log.warn({ ...fields, error }, 'job failed and runs again');
    else log.error({ ...fields, error }, 'job failed for good');
    throw error;
  }
}

/** `short`: of the jobs that wait, one per key. A job without a key of its own gets a unique one. */
async function prepareQueues(boss: PgBoss): Promise<void> {
  const known = new Set((await boss.getQueues()).map((queue) => queue.name));
  for (const [name, { retries }] of Object.entries(handlings)) {
    const options = {
      notify: true,
      retryLimit: retries,
      retryDelay: 1,
      retryBackoff: true,
      retryDelayMax: longestRetryDelay_s,
      expireInSeconds: 900,
      heartbeatSeconds: heartbeat_s,
      deleteAfterSeconds: 7 * 86_400,
    };
    if (known.has(name)) await boss.updateQueue(name, options);
    else await boss.createQueue(name, { ...options, policy: 'short' });
  }
}

/** Schedules outlive the process: those this program no longer has are removed. */
async function prepareCrons(boss: PgBoss, crons: ReadonlyMap<JobName, string>): Promise<void> {
  const wanted = new Set<string>(crons.keys());
  for (const schedule of await boss.getSchedules()) {
    if (!wanted.has(schedule.name)) await boss.unschedule(schedule.name);
  }
  for (const [name, cron] of crons) {
    await boss.schedule(name, cron, {}, { tz: 'UTC', missed: 'once', singletonKey: defaultKey(name, {}) });
  }
}

/** As pg-boss does for a job whose heartbeat stopped, without waiting for that. */
async function takeOver(boss: PgBoss): Promise<void> {
  await boss
    .getDb()
    .executeSql(`update ${schema}.job set state = 'retry', start_after = now() where state = 'active'`, []);
}

function defaultKey<N extends JobName>(name: N, data: Jobs[N]): string {
  return coalesced[name]?.(data) ?? randomUUID();
}

/** What is to be done now: the names with jobs that wait, and how many wait or run. */
async function findDue(boss: PgBoss, names: readonly JobName[]): Promise<{ waiting: string[]; count: number }> {
  const { rows } = await boss.getDb().executeSql(
    `select name, count(*) filter (where state <> 'active')::int as waiting, count(*)::int as count from ${schema}.job
     where name = any($1) and state in ('created', 'retry', 'active') and (state = 'active' or start_after <= now())
     group by name`,
    [names],
  );
  const due: { name: string; waiting: number; count: number }[] = rows;
  return {
    waiting: due.filter(({ waiting }) => waiting > 0).map(({ name }) => name),
    count: due.reduce((sum, { count }) => sum + count, 0),
  };
}

async function findDead(boss: PgBoss, limit: number, id: string | null = null): Promise<DeadJob[]> {
  const { rows } = await boss.getDb().executeSql(
    `select id, name, data, retry_count + 1 as attempts, coalesce(output ->> 'message', output::text, '') as error,
       completed_on as failed_at
     from ${schema}.job where state = 'failed' and name = any($1) and ($3::uuid is null or id = $3)
     order by completed_on desc, id limit $2`,
    [Object.keys(handlings), limit, id],
  );
  return rows;
}
