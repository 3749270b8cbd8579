import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import Stripe from 'stripe';
import { usageFlushMs } from '../packages/server/src/usage/service.ts';
import { createChance, readChoices } from './chance.ts';
import {
  type Judged,
  type Judgement,
  billsUnderWay,
  compareSummary,
  judgeBills,
  judgeEvents,
  missedByGate,
} from './usage-judge.ts';
import { type Journal, type Known, openJournal } from './usage-journal.ts';
import { createReporters } from './usage-reporters.ts';
import { type Trouble, openWorld, until } from './usage-world.ts';

/**
 * Every event counts once, and is billed: reporters with a journal of their own send usage to `npm start` while it is killed and
 * stopped, its database ends at once, fills up or takes no writes, Redis is killed and emptied, and answers are cut. After every round
 * all that was acknowledged is stored, everything once; the sums by customer, meter and period are the journal's, event by event, in
 * the hours and in what the customer is told; after a period they are what was billed and what stands at Stripe. What the gate counts by
 * itself lies in memory before it is written, where it is buffered: how much of it each kill takes is said, and how old it was. Where it is
 * committed first, which every second start is, a kill takes nothing.
 *
 * Twenty rounds over two periods; `--long`: five hundred over twenty.
 */
const { isLong, seed } = readChoices(process.argv);
const chance = createChance(seed);
const periods = isLong ? 20 : 2;
const roundsOfPeriod = isLong ? 25 : 10;
/** What is let through is written by then: it waits for the write before its own, and that takes its time on a busy machine. */
const mostLossMs = usageFlushMs + 300;
const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
const started = performance.now();
const faults: string[] = [];
const lost = new Set<string>();
const doubled = new Set<string>();
const figures = { kills: 0, kills_committed: 0, sent: 0, acknowledged: 0, stored: 0, billed: 0, let_through: 0 };
const losses = { most: 0, oldest_ms: 0, committed: 0 };
/** Of the period that runs, as it was looked at last. */
let storedNow = 0;

console.log(`seed ${seed}`);
console.log(
  '  left out: a disk that is really full, which takes root to make; statements and commits fail as they do on one',
);
const world = await openWorld(chance);
const { db, killed } = world;
const stripe = new Stripe('sk_test_farebox', {
  host: 'localhost',
  port: world.stripe_port,
  protocol: 'http',
  telemetry: false,
});
const subscribers = await Promise.all(Array.from({ length: 6 }, async (_, index) => await world.subscriber(index)));
const everybody = subscribers.map(({ customer_id }) => customer_id);
/** Whose events are sent, and who calls the gate. */
const customers = everybody.slice(0, 4);
const callers = subscribers.slice(4);
let journal: Journal = openJournal(join(world.folder, 'journal-0'));
const reporters = createReporters({
  url: world.url,
  headers: world.headers,
  customers,
  callers,
  journal: () => journal,
  now: world.now,
  seed,
  onFault: (text) => faults.push(text),
});
console.log(`  up after ${secondsSince(started)} s`);

let turn: Trouble[] = [];
let rounds = 0;
try {
  for (let period = 0; period < periods && faults.length === 0; period += 1) await runPeriod(period);
} catch (error) {
  faults.push(error instanceof Error ? (error.stack ?? error.message) : String(error));
}
tell(journal.read());
const output = world.output();
await world.close();
for (const fault of faults.slice(0, 30)) console.log(`  FAULT ${fault}`);
if (faults.length > 0) console.log(`What the program printed since its last start ends with:\n${output.slice(-3000)}`);
const met = faults.length === 0 && rounds === periods * roundsOfPeriod;
console.log(
  JSON.stringify({
    name: 'drill:usage',
    met,
    seed,
    rounds,
    periods,
    ...figures,
    lost: lost.size,
    doubled: doubled.size,
    gate_lost_most: losses.most,
    gate_lost_oldest_ms: losses.oldest_ms,
    gate_lost_bound_ms: mostLossMs,
    gate_lost_committed: losses.committed,
    faults: faults.length,
    seconds: secondsSince(started),
  }),
);
process.exit(met ? 0 : 1);

/** Its rounds, its end, and its bills. */
async function runPeriod(period: number): Promise<void> {
  const begun_at = await bound('current_period_start_at');
  const end_at = await bound('current_period_end_at');
  // Well inside the period: no clock of a reporter reaches out of it.
  await world.advance(begun_at + 2 * dayMs - world.now());
  if (period > 0) await reporters.sendDated(20, begun_at - chance.between(1, hourMs));
  const judged = {
    db,
    since: world.now() - 2 * hourMs,
    until: end_at,
    customers,
    callers: callers.map(({ customer_id }) => customer_id),
  };
  for (let round = 0; round < roundsOfPeriod && faults.length === 0; round += 1) {
    if (round > 0 && chance.draw() < 0.5) await world.advance(chance.between(1, 20 * dayMs) / roundsOfPeriod);
    await runRound(judged);
  }
  if (faults.length === 0) await endPeriod(judged, begun_at, period % 2 === 1);
}

async function runRound(judged: Judged): Promise<void> {
  rounds += 1;
  const { name, strike } = nextTrouble();
  const before = killed.at;
  let isOver = false;
  const traffic = reporters.run(() => isOver);
  await wait(chance.between(100, 450));
  const struck = performance.now();
  await strike();
  const lasted_s = secondsSince(struck);
  await wait(chance.between(100, 300));
  isOver = true;
  await traffic;
  const wasKilled = killed.at !== before;
  const missed = await missedByGate(judged, journal.read(), wasKilled ? killed.up_at : Number.NEGATIVE_INFINITY);
  const loss = wasKilled ? tellLoss(missed) : '';
  const { stored, ...found } = await judgeSettled(judged, name);
  const known = journal.read();
  console.log(
    `  round ${rounds}, ${name} (${lasted_s} s): of its period ${known.sent.size} sent, ${known.acknowledged.size} acknowledged, ` +
      `${stored} stored, ${found.lost.length} lost, ${found.doubled.length} doubled; the gate let ${known.passed.size} through${loss}`,
  );
}

/** All of them come in every turn, in an order of its own. */
function nextTrouble(): Trouble {
  const next = turn.pop();
  if (next !== undefined) return next;
  turn = shuffled(world.troubles.flatMap((each) => Array.from({ length: each.weight }, () => each)));
  return nextTrouble();
}

/** What is stored, and what the customers are told; calls that nobody waited for may still be on their way. */
async function judgeSettled(judged: Judged, name: string): Promise<Judgement> {
  for (let waited_ms = 0; ; waited_ms += 50) {
    const judgement = await judgeEvents(judged, journal.read());
    const told: string[] = [];
    for (const [customer_id, totals] of judgement.totals) {
      const { meters } = await world.seller().get(`/v1/usage/summary?customer_id=${customer_id}`);
      told.push(...compareSummary(customer_id, totals, meters));
    }
    if (told.length > 0 && judgement.faults.length === 0 && waited_ms < 5000) {
      await wait(50);
      continue;
    }
    faults.push(...[...judgement.faults, ...told].map((fault) => `round ${rounds}, ${name}: ${fault}`));
    storedNow = judgement.stored;
    for (const each of judgement.lost) lost.add(each);
    for (const each of judgement.doubled) doubled.add(each);
    return judgement;
  }
}

/** What a kill took of the gate's own usage. It was answered within the stated time before the kill, or more is lost than is said. */
function tellLoss(ids: readonly string[]): string {
  const { passed } = journal.read();
  const ages = ids.map((id) => Math.max(0, killed.at - (passed.get(id)?.at ?? 0)));
  const oldest_ms = Math.ceil(Math.max(0, ...ages));
  journal.add({ what: 'lost', ids });
  figures.kills += 1;
  if (killed.durability === 'committed') {
    figures.kills_committed += 1;
    losses.committed += ids.length;
    if (ids.length > 0)
      faults.push(`round ${rounds}: ${ids.length} calls were let through and committed, and are lost`);
    return `, of which the kill took ${ids.length}: each was committed before its answer`;
  }
  losses.most = Math.max(losses.most, ids.length);
  losses.oldest_ms = Math.max(losses.oldest_ms, oldest_ms);
  if (oldest_ms > mostLossMs) faults.push(`round ${rounds}: the gate lost what it let through ${oldest_ms} ms before`);
  return `, of which the kill took ${ids.length}, the oldest ${oldest_ms} ms old`;
}

/** The period's end, its bills and a journal for the next. Every second time the program is killed while the clock passes it. */
async function endPeriod(judged: Judged, begun_at: number, isKilled: boolean): Promise<void> {
  const since = performance.now();
  // Invoices are drafts for an hour.
  const target = judged.until + 3 * hourMs;
  if (isKilled) {
    const passing = Promise.allSettled([world.advance(target - world.now())]);
    await wait(chance.between(30, 900));
    await world.kill();
    await passing;
    await world.startAgain();
    await world.readClock();
  }
  await world.advance(target - world.now());
  const ended_after = begun_at + dayMs;
  await until(async () => (await billsUnderWay(db, everybody, ended_after)) === 0, 'the period is billed');
  const { totals, stored } = await judgeEvents(judged, journal.read());
  const { billed, faults: found } = await judgeBills({ db, stripe, totals, ended_after });
  faults.push(...found);
  figures.billed += billed;
  const known = journal.read();
  storedNow = stored;
  tell(known);
  const former = [...known.acknowledged].flatMap((name) => known.sent.get(name)?.[0] ?? []);
  journal.close();
  journal = openJournal(join(world.folder, `journal-${rounds}`));
  const unknown = await reporters.sendAgain(shuffled(former).slice(0, 300));
  if (unknown > 0) faults.push(`${unknown} events of a period that is billed were sent again and counted again`);
  console.log(
    `  ${billed} units of the period are billed${isKilled ? ', killed while it ended' : ''} (${secondsSince(since)} s)`,
  );
}

/** A journal that is over goes into the figures. */
function tell(known: Known): void {
  figures.sent += known.sent.size;
  figures.acknowledged += known.acknowledged.size;
  figures.let_through += known.passed.size;
  figures.stored += storedNow;
  storedNow = 0;
}

/** The last of these bounds of the period that runs: customers began some seconds apart. */
async function bound(column: 'current_period_start_at' | 'current_period_end_at'): Promise<number> {
  const { rows } = await db.pool.query<{ at: Date }>(
    `select max(${column}) as at from subscription where customer_id = any($1)`,
    [everybody],
  );
  return rows[0]?.at.getTime() ?? 0;
}

function shuffled<T>(items: readonly T[]): T[] {
  return items
    .map((item) => ({ item, at: chance.draw() }))
    .toSorted((a, b) => a.at - b.at)
    .map(({ item }) => item);
}

function secondsSince(from: number): number {
  return Math.round((performance.now() - from) / 100) / 10;
}
