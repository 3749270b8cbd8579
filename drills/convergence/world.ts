import { mkdirSync, writeFileSync } from 'node:fs';
import { createHmac } from 'node:crypto';
import { join } from 'node:path';
import { createSandbox, type Sandbox, type Snapshot } from '@farebox/sandbox';
import pg from 'pg';
import { type App, createApp } from '../../packages/server/src/app.ts';
import { readConfig } from '../../packages/server/src/config.ts';
import { type Database, openDatabase } from '../../packages/server/src/db/database.ts';
import { migrate } from '../../packages/server/src/db/migrate.ts';
import { createLog } from '../../packages/server/src/lib/log.ts';
import { Backend, Backends } from './backends.ts';
import { type Ledger, type Outage, type Strike, clientOf, endTimersWith, sendOf } from './edges.ts';
import { list } from './list.ts';
import { type DueJob, type Handlers, JobList, createDrillQueue } from './queue.ts';
import { Life, Turns } from './turns.ts';

const home = 'http://localhost:4000';
const webhookSecret = 'whsec_convergence_drill';
const start = Date.parse('2026-01-31T10:20:30Z');

/** A process of the program that runs. */
export interface Process {
  life: Life;
  app: App;
  handlers: Handlers;
}

export type Params = Record<string, unknown>;

/** What came back. */
export interface Answer<T> {
  status: number;
  json: T;
}

/** The database, the local Stripe and the program on both, of one worker of the drill. */
export class World {
  readonly turns = new Turns();
  readonly jobs = new JobList();
  readonly sandbox: Sandbox;
  process!: Process;
  installation = '';
  /** Faults of the program that only the edges see. */
  readonly seen: string[] = [];
  readonly counts: Record<string, number> = {};
  /** The program's last errors. */
  readonly log: string[] = [];
  /** What a virtual clock says: waits between tries and of jobs take no time. */
  time = 0;
  outage: Outage | null = null;
  /** How often Stripe was made to fail in this story. */
  struck = 0;
  #calls = 0;
  readonly #sleepers: (() => void)[] = [];
  #secret = '';
  /** Whose the timers are that are set now. */
  #life: Life | null = null;
  /** Whether Stripe made events that the post has not seen. */
  #isNews = true;
  #tell: () => void = () => undefined;
  #base: Snapshot | null = null;
  readonly #backends = new Backends();
  readonly #control: Backend;
  readonly #url: string;
  readonly #folder: string;

  constructor(url: string, folder: string, sandbox: Sandbox) {
    this.#url = url;
    this.#folder = folder;
    this.sandbox = sandbox;
    endTimersWith(() => this.#life);
    this.#control = new Backend({ connectionString: url });
  }

  /** Starts a process on what is there. */
  async boot(): Promise<void> {
    await this.#backends.settled();
    const life = new Life();
    const db = openDatabase({ url: this.#url, max: 12, Client: this.#client(life) });
    const handlers: Handlers = new Map();
    this.#life = life;
    const app = await this.#create(life, db, handlers);
    await app.start();
    this.process = { life, app, handlers };
  }

  async #create(life: Life, db: Database, handlers: Handlers): Promise<App> {
    const { config, secrets } = readConfig('dev', {
      FAREBOX_URL: home,
      FAREBOX_DATA_DIR: this.#folder,
      FAREBOX_SECRET: 'a secret of the drill, long enough',
      LOG_LEVEL: 'error',
    });
    return await createApp({
      config,
      secrets: { ...secrets, stripe_webhook_secrets: [webhookSecret] },
      list,
      db,
      database_url: this.#url,
      // Its connection would outlive the process that dies here, and keep all of it.
      listens: false,
      log: createLog('error', { write: (line) => this.#keep(line) }),
      clock: { now: () => this.sandbox.clock.now() },
      stripe: { host: 'stripe.local', port: 80 },
      web_dir: join(this.#folder, 'web'),
      queue: createDrillQueue({ handlers }),
      send: sendOf({
        life,
        turns: this.turns,
        sandbox: this.sandbox,
        strike: (method, intent) => this.#strike(method, intent),
        watch: async (what, intent) => await this.#watch(what, intent),
      }),
      pace: {
        now: () => this.time,
        wait: async (ms) => {
          this.time += ms;
          await this.turns.call(life, 'wait', () => Promise.resolve());
        },
      },
    });
  }

  /** After a commit: of those who wait for a job, as many look as there are new ones. */
  #client(life: Life): typeof pg.Client {
    const ledger: Ledger = {
      waits: (draft) => this.jobs.waits(draft),
      committed: (drafts) => {
        for (const sleeper of this.#sleepers.splice(0, this.jobs.add(drafts))) sleeper();
      },
    };
    return clientOf(life, this.turns, ledger, this.#backends);
  }

  #keep(line: string): void {
    this.log.push(line);
    if (this.log.length > 20) this.log.shift();
  }

  /** Makes what every sequence begins with: what is on sale, at Stripe as well. */
  async furnish(): Promise<void> {
    await this.#control.client.connect();
    await this.boot();
    await this.process.handlers.get('stripe.push')?.({} as never);
    this.#secret = (await this.process.app.keys.createSecretKey('Drill')).secret;
    const [own] = await this.rows<{ id: string }>('select id from installation');
    this.installation = own?.id ?? '';
    this.#base = await this.sandbox.snapshot();
  }

  /** As it was after `furnish`, with other ids at Stripe. */
  async reset(name: string): Promise<void> {
    if (this.#base === null) throw new Error('reset comes after furnish');
    if (this.process.life.isOver) await this.boot();
    await this.#control.client
      .query(`delete from customer; delete from stripe_event; delete from stripe_cursor; delete from audit_entry;
      delete from notice; delete from gate_change; delete from reconciliation_run`);
    this.jobs.clear();
    const state = this.#base.state.map(([kind, id, record]): Snapshot['state'][number] =>
      kind === 'setting' ? [kind, id, Object.assign({}, record, { seed: name })] : [kind, id, record],
    );
    await this.sandbox.restore({ ...this.#base, state });
    this.outage = null;
    this.struck = 0;
    this.seen.length = 0;
    this.time += 600_000;
  }

  /** What Stripe committed holds new events. */
  hear(): void {
    this.#isNews = true;
    this.#tell();
  }

  /** Whether there may be events that nobody asked for; asked once. */
  takeNews(): boolean {
    const isNews = this.#isNews;
    this.#isNews = false;
    return isNews;
  }

  /** Until Stripe makes an event, or `end`. */
  async news(end: Promise<unknown>): Promise<void> {
    if (this.#isNews) return;
    await Promise.race([end, new Promise<void>((resolve) => (this.#tell = resolve))]);
  }

  /** From here on calls to Stripe are counted. */
  arm(outage: Outage | null): void {
    this.outage = outage;
    this.#calls = 0;
  }

  #strike(method: string, intent: string | null): Strike | null {
    const { outage } = this;
    if (outage?.among === 'changes' && method !== 'POST') return null;
    if (outage?.among === 'intents' && intent === null) return null;
    this.#calls += 1;
    if (outage === null || this.#calls < outage.at || this.#calls >= outage.at + outage.count) return null;
    this.struck += 1;
    this.count(`fault ${outage.how}`);
    return outage.how;
  }

  /** No request leaves inside of a transaction, and none for an intent that is not written down. */
  async #watch(what: string, intent: string | null): Promise<void> {
    if (this.turns.task()?.inTransaction === true) this.seen.push(`${what} was sent inside of a transaction`);
    if (intent === null) return;
    const rows = await this.rows('select 1 from stripe_intent where id = $1', [intent]);
    if (rows.length === 0) this.seen.push(`${what}: ${intent} is not written down`);
  }

  /** Rows of the program's database, past the program. */
  async rows<T extends pg.QueryResultRow>(text: string, values: readonly string[] = []): Promise<T[]> {
    return (await this.#control.ask<T>(text, values)).rows;
  }

  count(name: string, by = 1): void {
    this.counts[name] = (this.counts[name] ?? 0) + by;
  }

  /** A request to the program by the seller's key. Null: the process died, or there is none. */
  async ask<T>(method: string, path: string, body?: unknown): Promise<Answer<T> | null> {
    const { life, app } = this.process;
    if (life.isOver) return null;
    return await this.turns.run(life, `${method} ${path}`, async () => {
      const answer = await app.fetch(
        new Request(`${home}${path}`, {
          method,
          headers: {
            authorization: `Bearer ${this.#secret}`,
            ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          },
          ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        }),
        {},
      );
      const json = (await answer.json()) as T;
      return { status: answer.status, json };
    });
  }

  /** One delivery of an event, signed. False: it was not taken. */
  async deliver(event: { id: string; text: string }): Promise<boolean> {
    const { life, app } = this.process;
    if (life.isOver) return false;
    const at = Math.floor(this.sandbox.clock.now() / 1000);
    const signature = createHmac('sha256', webhookSecret).update(`${at}.${event.text}`).digest('hex');
    const status = await this.turns.run(life, `deliver ${event.id}`, async () => {
      const headers = { 'stripe-signature': `t=${at},v1=${signature}` };
      const answer = await app.fetch(
        new Request(`${home}/v1/stripe/webhooks`, { method: 'POST', headers, body: event.text }),
        {},
      );
      await answer.arrayBuffer();
      return answer.status;
    });
    this.count('deliveries');
    // While it was on its way the clock was moved: too old for its signature, it is signed anew.
    const isLate = this.sandbox.clock.now() - at * 1000 > 300_000;
    if (status !== null && status !== 200 && status < 500 && !isLate)
      this.seen.push(`the delivery of ${event.id} was answered ${status}`);
    return status === 200;
  }

  /** Runs jobs until `isOver` and none is due. */
  async work(name: string, salt: number, isOver: () => boolean): Promise<void> {
    const { life, handlers } = this.process;
    if (life.isOver) return;
    await this.turns.run(life, name, async () => {
      let done: DueJob | null = null;
      for (;;) {
        const next = this.jobs.next();
        if (done === null && (next === null || next > this.time)) {
          if (isOver()) return;
          await new Promise<void>((resolve) => void this.#sleepers.push(resolve));
          continue;
        }
        const finished: DueJob | null = done;
        const take = (): Promise<DueJob | null> => {
          if (finished !== null) this.jobs.done(finished);
          return Promise.resolve(this.jobs.take(this.time, salt));
        };
        const job: DueJob | null = await this.turns.call(life, 'take a job', take);
        done = null;
        if (job === null) continue;
        this.count('jobs');
        try {
          await handlers.get(job.name)?.(job.data);
          done = job;
        } catch {
          // As the queue does: it is written down, and the job runs again.
          this.count('job failures');
          const note = () => Promise.resolve(this.jobs.failed(job, this.time));
          await this.turns.call(life, 'note a failure', note);
        }
      }
    });
  }

  /** All who wait for a job look again. */
  wake(): void {
    for (const sleeper of this.#sleepers.splice(0)) sleeper();
  }

  /** Stripe itself, past the program: what its dashboard does. `T` is what a success holds. */
  async stripe<T>(method: 'GET' | 'POST' | 'DELETE', path: string, params: Params = {}): Promise<Answer<T>> {
    const text = new URLSearchParams(form(params)).toString();
    const inQuery = method !== 'POST' && text !== '';
    const request = new Request(`http://stripe.local${path}${inQuery ? `?${text}` : ''}`, {
      method,
      headers: { authorization: 'Bearer sk_test_farebox', 'content-type': 'application/x-www-form-urlencoded' },
      ...(method === 'POST' ? { body: text } : {}),
    });
    const answer = await this.turns.aside(`${method} ${path}`, () => this.sandbox.fetch(request));
    const json = (await answer.json()) as T;
    return { status: answer.status, json };
  }

  /** A page of one of Stripe's lists, the newest first. */
  async list<T>(path: string, params: Params = {}): Promise<T[]> {
    return (await this.stripe<{ data: T[] }>('GET', path, { limit: 100, ...params })).json.data;
  }

  /** A page of Stripe's, as a browser posts it. */
  async page(url: string, fields: Record<string, string>): Promise<Response> {
    const request = new Request(url, { method: 'POST', body: new URLSearchParams(fields), redirect: 'manual' });
    return await this.turns.aside(`page ${url}`, () => this.sandbox.fetch(request));
  }
}

function form(params: Params, prefix = ''): [string, string][] {
  return Object.entries(params).flatMap(([key, value]): [string, string][] => {
    const name = prefix === '' ? key : `${prefix}[${key}]`;
    if (value === undefined) return [];
    if (typeof value === 'object' && value !== null) return form(value as Params, name);
    return [[name, `${value as string | number | boolean | null}`]];
  });
}

/** A world on an empty database. */
export async function openWorld(options: { url: string; folder: string }): Promise<World> {
  const { url, folder } = options;
  mkdirSync(join(folder, 'web/app'), { recursive: true });
  writeFileSync(join(folder, 'web/app/index.html'), '<!doctype html>');
  writeFileSync(
    join(folder, 'web/landing.js'),
    "export const renderLanding = () => '';\nexport const landingStyle = '';\n",
  );
  const pool = new pg.Pool({ connectionString: url, max: 1 });
  await migrate(pool);
  await pool.end();
  let hear = (): void => undefined;
  const sandbox = await createSandbox({
    seed: 'drill',
    now: () => start,
    frozen: true,
    onCommit({ restored, changes }) {
      if (restored || changes.some(({ kind }) => kind === 'event')) hear();
    },
  });
  const world = new World(url, folder, sandbox);
  hear = () => world.hear();
  await world.furnish();
  return world;
}
