import type { Instant } from '@farebox/core';
import type { Database } from '../db/database.ts';
import type { Log } from '../lib/log.ts';
import type { Clock } from '../ports.ts';
import { type AnswerCount, addAnswers, answersBetween, deleteAnswersBefore } from './store.ts';

/** What became of a request that was let in. */
export interface Answered {
  customer_id: string;
  /** As the seller's OpenAPI document calls it; empty where it does not know the path. */
  endpoint: string;
  /** Of the answer; 499 when the caller left before there was one. */
  status: number;
  /** Until the answer's head, in milliseconds. */
  latency_ms: number;
  at: Instant;
}

/** Answers of an endpoint with one status. Latencies are in milliseconds; of a percentile, the bound it is under, null: over every bound. */
export interface AnswerSummary {
  endpoint: string;
  status: number;
  answers: number;
  latency_ms: { average: number; p50: number | null; p95: number | null; p99: number | null };
}

export type Answers = ReturnType<typeof createAnswers>;

const bounds = [2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 30_000];
const hourMs = 3_600_000;
const keptMs = 90 * 24 * hourMs;
/** Different answers that are counted at the same time. */
const mostCounts = 50_000;
const mostEndpoints = 500;

/**
 * What the seller's API answered through the reverse proxy, counted here and written now and then. Statistics: a kill loses what was
 * not written yet, and a write whose answer is lost may be added twice.
 */
export function createAnswers(deps: {
  db: Pick<Database, 'kysely'>;
  clock: Clock;
  log: Pick<Log, 'warn'>;
  interval_ms?: number;
}) {
  const { clock, log } = deps;
  const { kysely } = deps.db;
  /** By customer, then by endpoint: of one endpoint there are few that differ. */
  let counts = new Map<string, Map<string, AnswerCount[]>>();
  let different = 0;
  let timer: NodeJS.Timeout | null = null;
  let flushing: Promise<void> = Promise.resolve();

  function record({ customer_id, endpoint, status, latency_ms, at }: Answered): void {
    const hour_at = at - (at % hourMs);
    const latency_to_ms = bounds.find((bound) => latency_ms <= bound) ?? 0;
    add({ hour_at, customer_id, endpoint, status, latency_to_ms, answers: 1, latency_ms });
    timer ??= setTimeout(flushInBackground, deps.interval_ms ?? 5000).unref();
  }

  function add(count: AnswerCount): void {
    const { customer_id, endpoint } = count;
    const alike = counts.get(customer_id)?.get(endpoint);
    for (const known of alike ?? []) {
      if (known.status !== count.status || known.latency_to_ms !== count.latency_to_ms) continue;
      if (known.hour_at !== count.hour_at) continue;
      known.answers += count.answers;
      known.latency_ms += count.latency_ms;
      return;
    }
    if (different >= mostCounts) return;
    different += 1;
    if (alike !== undefined) return void alike.push(count);
    const own = counts.get(customer_id) ?? new Map<string, AnswerCount[]>();
    counts.set(customer_id, own.set(endpoint, [count]));
  }

  async function write(): Promise<void> {
    if (timer !== null) clearTimeout(timer);
    timer = null;
    const taken = [...counts.values()].flatMap((own) => [...own.values()].flat());
    counts = new Map();
    different = 0;
    if (taken.length === 0) return;
    try {
      await addAnswers(kysely, taken);
    } catch (error) {
      for (const count of taken) add(count);
      throw error;
    }
  }

  function flush(): Promise<void> {
    const mine = flushing.then(write, write);
    flushing = mine;
    return mine;
  }

  function flushInBackground(): void {
    flush().catch((error: unknown) =>
      log.warn({ err: error }, 'statistics of answers not written; tried with the next'),
    );
  }

  return {
    record,
    /** Writes what was counted. */
    flush,
    async summary(asked: { from: Instant; to: Instant; customer_id: string | null }): Promise<AnswerSummary[]> {
      const rows = await answersBetween(kysely, { ...asked, most: mostEndpoints });
      return [...Map.groupBy(rows, ({ endpoint, status }) => `${status} ${endpoint}`).values()].map(summaryOf);
    },
    forget: () => deleteAnswersBefore(kysely, clock.now() - keptMs),
  };
}

function summaryOf(rows: readonly Omit<AnswerCount, 'hour_at' | 'customer_id'>[]): AnswerSummary {
  const [{ endpoint, status } = { endpoint: '', status: 0 }] = rows;
  const answers = rows.reduce((sum, row) => sum + row.answers, 0);
  const total = rows.reduce((sum, row) => sum + row.latency_ms, 0);
  const percentile = (part: number): number | null => {
    let seen = 0;
    for (const { answers: some, latency_to_ms } of rows) {
      seen += some;
      if (seen >= part * answers) return latency_to_ms === 0 ? null : latency_to_ms;
    }
    return null;
  };
  const average = Math.round(total / answers);
  return {
    endpoint,
    status,
    answers,
    latency_ms: { average, p50: percentile(0.5), p95: percentile(0.95), p99: percentile(0.99) },
  };
}
