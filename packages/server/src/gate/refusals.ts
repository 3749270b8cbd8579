import type { Decided, Instant, Rule } from '@farebox/core';
import type { Database, Tx } from '../db/database.ts';
import { createBatch } from '../lib/batch.ts';
import type { Log } from '../lib/log.ts';

const hourMs = 3_600_000;
/** Limits that one process remembers having noted in an hour; of further ones nothing is told in it. */
const mostNoted = 50_000;
/** What waits to be written, at most; what finds no room is noted when it is refused again. */
const mostWaiting = 10_000;
/** Refusals of one transaction. */
const batchSize = 100;
const defaultIntervalMs = 1000;

/** A rate limit of a customer that refused a request, for the first time in an hour. */
export interface RateLimited {
  customer_id: string;
  /** Whose request it was. */
  key_id: string;
  plan_id: string | null;
  /** Of the counter: it names the customer and the limit, whatever its value. */
  limit_id: string;
  kind: Rule['kind'];
  name: string;
  limit: number;
  window_ms: number | null;
  /** When the hour began (UTC). */
  hour_at: Instant;
  refused_at: Instant;
}

/**
 * Tells that customers meet their rate limits, of each limit at most once in an hour: a flood of refusals costs a look into a set,
 * and a request that passes costs nothing. What is new is written in the background; that several processes tell it once is kept
 * by the name of what they write. A kill loses what was noted within the last second.
 */
export function createRefusals(deps: {
  db: Pick<Database, 'transaction'>;
  log: Pick<Log, 'warn'>;
  /** Writes it down, unless another process has. */
  told(tx: Tx, refusal: RateLimited): Promise<void>;
  interval_ms?: number;
}) {
  const noted = new Set<string>();
  let noted_in = 0;
  const batch = createBatch<RateLimited>({
    size: batchSize,
    age_ms: deps.interval_ms ?? defaultIntervalMs,
    capacity: mostWaiting,
    flush: write,
    onDrop: ({ limit_id }) => void noted.delete(limit_id),
    onError: (error) => deps.log.warn({ err: error }, 'refusals were not written; tried again later'),
  });

  /** In one order for all processes, so that none waits for another that waits for it. */
  async function write(refusals: readonly RateLimited[]): Promise<void> {
    const sorted = refusals.toSorted((a, b) => (a.limit_id < b.limit_id ? -1 : Number(a.limit_id > b.limit_id)));
    await deps.db.transaction(async (tx) => {
      for (const refusal of sorted) await deps.told(tx, refusal);
    });
  }

  return {
    /** Called for every request that a limit refused. A quota and a spend cap are told of by their alerts. */
    note({ entry, asked, takes, taken, now }: Decided): void {
      const take = takes[taken.denied];
      const rule = asked?.rules[taken.denied];
      if (entry === null || take === undefined || rule === undefined || take.kind === 'quota') return;
      const hour = Math.floor(now / hourMs);
      if (hour !== noted_in) noted.clear();
      noted_in = hour;
      if (noted.has(take.id) || noted.size >= mostNoted) return;
      noted.add(take.id);
      batch.push({
        customer_id: entry.customer_id,
        key_id: entry.key_id,
        plan_id: entry.plan?.id ?? null,
        limit_id: take.id,
        kind: rule.kind,
        name: rule.name,
        limit: take.limit,
        window_ms: take.kind === 'places' ? null : take.window_ms,
        hour_at: hour * hourMs,
        refused_at: now,
      });
    },
    flush: () => batch.flush(),
    /** Writes what is left. */
    close: () => batch.close(),
  };
}
