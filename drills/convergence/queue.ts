import { randomUUID } from 'node:crypto';
import { sql } from 'kysely';
import { coalesced, handlings, type JobName } from '../../packages/server/src/queue/jobs.ts';
import type { Queue } from '../../packages/server/src/queue/queue.ts';
import { createChance } from '../chance.ts';

/** What a job that is due is given to. */
export type Handlers = Map<string, (data: never) => Promise<void>>;

export interface DueJob {
  id: number;
  name: JobName;
  data: never;
  attempts: number;
}

interface Job extends DueJob {
  key: string;
  state: 'created' | 'active' | 'retry' | 'dead';
  run_after: number;
}

/** What a transaction adds, until it commits. */
export type Draft = Pick<Job, 'name' | 'key' | 'data'>;

/** The statement that adds a job. No database sees it: the edge takes it to the transaction that it is sent in. */
const statement = 'add a job to the drill';

/** The job that a statement adds; null when it is another statement. */
export function draftOf(text: string, values: unknown): Draft | null {
  if (!text.startsWith(statement) || !Array.isArray(values)) return null;
  const [name, key, data] = values as [JobName, string, string];
  return { name, key, data: JSON.parse(data) as never };
}

/**
 * The queue's promises without a table: a job exists if and only if its transaction commits, of those that wait there is one per
 * key, and one that fails runs again later. Which job runs next is the drill's to say. Mails are made and not sent.
 */
export function createDrillQueue(deps: { handlers: Handlers }): Queue {
  return {
    start: () => Promise.resolve(),
    async enqueue(tx, { name, data, singletonKey }) {
      if (name === 'notice.send') return;
      const own: ((data: never) => string) | undefined = coalesced[name];
      const key = singletonKey ?? own?.(data as never) ?? randomUUID();
      await sql`${sql.raw(statement)} ${name} ${key} ${JSON.stringify(data)}`.execute(tx);
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

/** The jobs there are: they outlive the process, as rows do. */
export class JobList {
  #jobs: Job[] = [];
  #made = 0;

  /** Whether a transaction that adds this job now finds that one of its key waits already: then it adds none. */
  waits({ name, key }: Draft): boolean {
    return this.#jobs.some((job) => job.state === 'created' && job.name === name && job.key === key);
  }

  /** What a transaction added exists, as it committed. Answers how many. */
  add(drafts: readonly Draft[]): number {
    const before = this.#made;
    for (const draft of drafts)
      if (!this.waits(draft)) {
        this.#made += 1;
        this.#jobs.push({ ...draft, id: this.#made, state: 'created', attempts: 0, run_after: 0 });
      }
    return this.#made - before;
  }

  /** One of those that are due, which one `salt` decides; null when none is. */
  take(now: number, salt: number): DueJob | null {
    const due = this.#jobs.filter((job) => isWaiting(job) && job.run_after <= now);
    const lot = createChance(salt ^ Math.imul(this.#made + due.length, 0x9e3779b1)).draw();
    const job = due[Math.floor(lot * due.length)];
    if (job === undefined) return null;
    job.state = 'active';
    job.attempts += 1;
    return job;
  }

  done({ id }: DueJob): void {
    this.#jobs = this.#jobs.filter((job) => job.id !== id);
  }

  failed({ id, name, attempts }: DueJob, now: number): void {
    const job = this.#jobs.find((each) => each.id === id);
    if (job === undefined) return;
    job.state = attempts > handlings[name].retries ? 'dead' : 'retry';
    job.run_after = now + Math.min(600_000, 1000 * 2 ** (attempts - 1));
  }

  /** What a killed process was at is there for the next. */
  takeOver(): void {
    for (const job of this.#jobs) if (job.state === 'active') job.state = 'retry';
  }

  /** When the next job that waits is due; null when none waits. */
  next(): number | null {
    const waiting = this.#jobs.filter(isWaiting);
    return waiting.length === 0 ? null : Math.min(...waiting.map((job) => job.run_after));
  }

  dead(): { name: string; data: unknown }[] {
    return this.#jobs.filter((job) => job.state === 'dead');
  }

  clear(): void {
    this.#jobs = [];
    this.#made = 0;
  }
}

function isWaiting({ state }: Job): boolean {
  return state === 'created' || state === 'retry';
}
