import type { Instant } from '@farebox/core';
import type Stripe from 'stripe';
import type { Database } from '../db/database.ts';
import type { Log } from '../lib/log.ts';
import type { Clock } from '../ports.ts';
import { isMetered } from '../usage/metered/store.ts';
import { thinMeterTypes } from './event-types.ts';
import type { Received } from './inbox.ts';
import { knownEvents, moveCursor, readCursor } from './store.ts';
import { eventHeadOf } from './translate.ts';

/** Stripe's list is read again this far back: what was made at the same moment as the last event seen may appear later. */
const overlap_ms = 15 * 60_000;
/** Stripe keeps events for 30 days. */
const keptFor_ms = 30 * 86_400_000;
/** A long absence is read in this many steps, oldest first, each remembered: one that is cut short goes on where it was. */
const mostSteps = 60;
const pageSize = 100;
/** Of what Stripe could not deliver, the newest; the rest comes with its step. */
const mostLost = 2_000;

/**
 * What was made while nobody listened: first what Stripe failed to deliver, then everything since the stored cursor. It all
 * goes through the inbox, which knows what it has. Answers how many events were read and how many of them were new.
 */
export function createBackfill(deps: {
  db: Database;
  clock: Clock;
  log: Log;
  stripe: Stripe;
  receive(event: Received): Promise<boolean>;
}) {
  const { db, clock, log, stripe } = deps;

  return async function backfill(): Promise<{ read: number; found: number }> {
    return await db.withLock('stripe:backfill', async () => {
      const now = clock.now();
      const cursor = await readCursor(db.kysely);
      const tally = { read: 0, found: 0 };
      if (cursor !== null)
        await take({ delivery_success: false, created: { gte: seconds(now - keptFor_ms) } }, tally, mostLost);
      if (cursor !== null && (await isMetered(db.kysely, null))) await takeThin(cursor.getTime() - overlap_ms, tally);
      // The first time there is nothing to make up for: nobody was sold anything before.
      for (const step of stepsOf(cursor?.getTime() ?? now, now)) {
        await take({ created: { gte: seconds(step.from), lt: seconds(step.to) } }, tally, Infinity);
        await moveCursor(db.kysely, new Date(Math.min(step.to, now)), new Date(now));
      }
      if (tally.found > 0) log.warn(tally, 'events had not been delivered and were read from Stripe');
      return tally;
    });
  };

  async function take(
    query: Stripe.EventListParams,
    tally: { read: number; found: number },
    most: number,
  ): Promise<void> {
    let taken = 0;
    let page: Stripe.Event[] = [];
    for await (const event of stripe.events.list({ ...query, limit: pageSize })) {
      if (taken === most) break;
      taken += 1;
      page.push(event);
      if (page.length < pageSize) continue;
      await receiveNew(page, tally);
      page = [];
    }
    await receiveNew(page, tally);
  }

  /** What Stripe's meters would not count is told by thin events alone, which are in a list of their own, the newest first. */
  async function takeThin(from: Instant, tally: { read: number; found: number }): Promise<void> {
    const page: Stripe.V2.Core.Event[] = [];
    for await (const event of stripe.v2.core.events.list({ types: [...thinMeterTypes], limit: pageSize })) {
      if (Date.parse(event.created) < from) break;
      if (page.push(event) === mostLost) break;
    }
    await receiveNew(page, tally);
  }

  /** Most of what a list holds was delivered: that is asked once for all of them. */
  async function receiveNew(events: readonly { id: string }[], tally: { read: number; found: number }): Promise<void> {
    const known = await knownEvents(
      db.kysely,
      events.map(({ id }) => id),
    );
    for (const event of events) {
      tally.read += 1;
      const head = known.has(event.id) ? null : eventHeadOf(event);
      if (head !== null && (await deps.receive({ ...head, body: event, signed_at: null }))) tally.found += 1;
    }
  }
}

/** Pure. Steps that tile the time from the cursor, less the overlap, to now; the last one reaches a second past it. */
export function stepsOf(cursor: Instant, now: Instant): { from: Instant; to: Instant }[] {
  const from = Math.max(cursor - overlap_ms, now - keptFor_ms);
  const to = now + 1000;
  const length = Math.max(3_600_000, Math.ceil((to - from) / mostSteps));
  const steps: { from: Instant; to: Instant }[] = [];
  for (let at = from; at < to; at += length) steps.push({ from: at, to: Math.min(at + length, to) });
  return steps;
}

function seconds(ms: Instant): number {
  return Math.floor(ms / 1000);
}
