import { setTimeout as wait } from 'node:timers/promises';
import type Stripe from 'stripe';
import type { Database } from '../packages/server/src/db/database.ts';
import { idOf } from '../packages/server/src/stripe/translate.ts';
import { type Known, type SentEvent, nameOf } from './usage-journal.ts';
import { unitCents } from './usage-list.ts';

type MeterId = keyof typeof unitCents;
type Totals = Record<MeterId, number>;
const meterIds = ['requests', 'seconds', 'connections', 'people'] as const satisfies readonly MeterId[];

/** What is stored against what a journal knows. */
export interface Judgement {
  /** Events of reporters that are stored. */
  stored: number;
  /** Names of those that were acknowledged and are not stored, and of those that were stored or accepted more than once. */
  lost: string[];
  doubled: string[];
  faults: string[];
  /** By customer what the events that are stored come to, worked out from the journal. */
  totals: Map<string, Totals>;
}

interface Row {
  customer_id: string;
  id: string;
  type: string;
  source: string;
  quantity: number;
  occurred_at: Date;
  properties: Record<string, string | number>;
}

export interface Judged {
  db: Database;
  /** When events of the journal count: within its period. */
  since: number;
  until: number;
  /** Whose events reporters send, and who calls the gate. */
  customers: readonly string[];
  callers: readonly string[];
}

/**
 * Everything that was acknowledged is stored, everything once and as it was sent, and nothing else is there; the hours say the same,
 * at any instant: events and hours are read in one snapshot.
 */
export async function judgeEvents(judged: Judged, known: Known): Promise<Judgement> {
  const { customers, callers } = judged;
  const { rows, hours } = await readSnapshot(judged);
  const faults: string[] = [];
  const stored = new Map<string, Row>();
  const doubled: string[] = [];
  for (const row of rows) {
    const name = nameOf(row);
    if (stored.has(name)) doubled.push(name);
    stored.set(name, row);
  }
  for (const name of doubled) faults.push(`${name} is stored twice`);
  for (const [name, times] of known.accepted) {
    if (times === 1) continue;
    doubled.push(name);
    faults.push(`${name} was answered as accepted ${times} times`);
  }
  const lost = [...known.acknowledged].filter((name) => !stored.has(name));
  for (const name of lost) faults.push(`${name} was acknowledged and is not stored`);
  const events = new Map<string, SentEvent[]>([...customers, ...callers].map((id) => [id, []]));
  for (const [name, row] of stored) {
    const form = callers.includes(row.customer_id) ? callOf(row) : sentAs(known, name, row);
    if (form === null) faults.push(`${name} is stored and was not sent so`);
    else events.get(row.customer_id)?.push(form);
  }
  faults.push(...callers.flatMap((id) => unheardOf(id, rows, known)));
  const totals = new Map([...events].map(([id, own]) => [id, foldEvents(own)]));
  faults.push(...compare('the hours', totals, hours));
  const sent = customers.reduce((sum, id) => sum + (events.get(id)?.length ?? 0), 0);
  return { stored: sent, lost, doubled, faults, totals };
}

/** The gate may have counted calls that were never answered; no others beside those that it let through. */
function unheardOf(customer_id: string, rows: readonly Row[], known: Known): string[] {
  const unheard = rows.filter((row) => row.customer_id === customer_id && !known.passed.has(row.id)).length;
  const unanswered = (known.asked.get(customer_id) ?? 0) - (known.answered.get(customer_id) ?? 0);
  if (unheard <= unanswered) return [];
  return [
    `the gate counted ${unheard} calls of ${customer_id} that it did not let through; ${unanswered} were not answered`,
  ];
}

/** Resolves when everything that the gate let through after `since` is stored, and answers what of it is not that it let through before. */
export async function missedByGate(judged: Judged, known: Known, since: number): Promise<string[]> {
  const passed = [...known.passed].filter(([id]) => !known.lost.has(id));
  for (let waited_ms = 0; ; waited_ms += 25) {
    const stored = new Set((await readRows(judged.db.pool, judged, judged.callers)).map(({ id }) => id));
    const missing = passed.filter(([id]) => !stored.has(id));
    if (missing.every(([, { at }]) => at <= since)) return missing.map(([id]) => id);
    if (waited_ms > 20_000) throw new Error(`${missing.length} calls that the gate let through are not written`);
    await wait(25);
  }
}

/** Of the periods that ended: what was billed is what is in the totals, and so is what stands at Stripe, once. */
export async function judgeBills(options: {
  db: Database;
  stripe: Stripe;
  totals: ReadonlyMap<string, Totals>;
  /** A period that ended after that and is billed. */
  ended_after: number;
}): Promise<{ billed: number; faults: string[] }> {
  const { db, stripe, totals } = options;
  const faults: string[] = [];
  const billedTotals = new Map([...totals.keys()].map((id) => [id, foldEvents([])]));
  let billed = 0;
  const reports = await readReports(db, [...totals.keys()], options.ended_after);
  const lines = new Map(reports.map(({ id }) => [id, { quantity: 0, amount: 0 }]));
  for (const customer of new Set(reports.map(({ stripe_customer_id }) => stripe_customer_id)))
    for await (const item of stripe.invoiceItems.list({ customer, limit: 100 })) {
      const line = lines.get(item.metadata?.['farebox_usage_report'] ?? '');
      if (line === undefined) continue;
      line.quantity += Number(item.metadata?.['farebox_quantity']);
      line.amount += item.amount;
      // What comes too late for its invoice stands on the next one.
      const invoice = item.invoice === null ? null : await stripe.invoices.retrieve(idOf(item.invoice));
      if (invoice !== null && invoice.status !== 'paid') faults.push(`${invoice.id} with usage is ${invoice.status}`);
    }
  for (const { id, customer_id, meter_id, quantity } of reports) {
    const of = billedTotals.get(customer_id);
    if (of !== undefined) of[meter_id] += quantity;
    billed += quantity;
    const line = lines.get(id);
    if (line?.quantity !== quantity || line.amount !== quantity * unitCents[meter_id])
      faults.push(`${quantity} ${meter_id} of ${customer_id} were billed; at Stripe stand ${JSON.stringify(line)}`);
  }
  if (reports.length !== totals.size * meterIds.length)
    faults.push(`${reports.length} periods of ${totals.size * meterIds.length} were billed`);
  return { billed, faults: [...faults, ...compare('what was billed', billable(totals), billedTotals)] };
}

/** Of the period that ended after that how many bills are not made, or not sent. */
export async function billsUnderWay(db: Database, customers: readonly string[], ended_after: number): Promise<number> {
  const reports = await readReports(db, customers, ended_after);
  return customers.length * meterIds.length - reports.filter(({ state }) => state === 'sent').length;
}

/** The meters of `GET /v1/usage/summary` against the totals: units, and what they cost so far. */
export function compareSummary(
  customer_id: string,
  totals: Totals,
  meters: readonly { meter_id: string; quantity: number; amount_minor: number }[],
): string[] {
  const expected = billable(new Map([[customer_id, totals]])).get(customer_id) ?? foldEvents([]);
  return meterIds.flatMap((meter_id) => {
    const meter = meters.find((each) => each.meter_id === meter_id);
    const quantity = expected[meter_id];
    return meter?.quantity === quantity && meter.amount_minor === quantity * unitCents[meter_id]
      ? []
      : [`the summary of ${customer_id} says ${JSON.stringify(meter)}; ${quantity} ${meter_id} were used`];
  });
}

/** The rules of `usage-list.ts`, once more and event by event. */
function foldEvents(events: readonly SentEvent[]): Totals {
  const totals: Totals = { requests: 0, seconds: 0, connections: 0, people: 0 };
  const people = new Set<string>();
  for (const { type, quantity, properties } of events) {
    if (type === 'requests') totals.requests += quantity;
    if (type === 'render') totals.seconds += Number(properties['seconds']);
    if (type === 'sample') totals.connections = Math.max(totals.connections, Number(properties['open']));
    if (type !== 'requests' && properties['person'] !== undefined) people.add(String(properties['person']));
  }
  return { ...totals, people: people.size };
}

/** A sum may be below nothing, and is billed as nothing. */
function billable(totals: ReadonlyMap<string, Totals>): Map<string, Totals> {
  return new Map([...totals].map(([id, each]) => [id, { ...each, seconds: Math.max(0, each.seconds) }]));
}

function compare(what: string, expected: ReadonlyMap<string, Totals>, found: ReadonlyMap<string, Totals>): string[] {
  return [...expected].flatMap(([id, totals]) => {
    const of = found.get(id) ?? foldEvents([]);
    return meterIds.flatMap((meter) =>
      of[meter] === totals[meter] ? [] : [`${what}: ${of[meter]} ${meter} of ${id}, by the journal ${totals[meter]}`],
    );
  });
}

/** The form in which it was sent that is stored; null: there is none. */
function sentAs(known: Known, name: string, row: Row): SentEvent | null {
  const forms = known.sent.get(name) ?? [];
  const form = forms.find(({ occurred_at }) => occurred_at === row.occurred_at.getTime());
  if (form === undefined || form.quantity !== row.quantity) return null;
  const names = new Set([...Object.keys(form.properties), ...Object.keys(row.properties)]);
  return [...names].every((key) => form.properties[key] === row.properties[key]) ? form : null;
}

/** What the gate stores of a call. */
function callOf({ customer_id, id, type, source, quantity, occurred_at }: Row): SentEvent | null {
  if (type !== 'requests' || quantity !== 1) return null;
  return { customer_id, id, type, source, quantity, occurred_at: occurred_at.getTime(), properties: {} };
}

async function readSnapshot(judged: Judged): Promise<{ rows: Row[]; hours: Map<string, Totals> }> {
  const everybody = [...judged.customers, ...judged.callers];
  const client = await judged.db.pool.connect();
  let isDone = false;
  try {
    await client.query('begin isolation level repeatable read read only');
    const rows = await readRows(client, judged, everybody);
    const hours = await readHours(client, judged, everybody);
    await client.query('commit');
    isDone = true;
    return { rows, hours };
  } finally {
    client.release(!isDone);
  }
}

type Asked = Pick<Database['pool'], 'query'>;
type Within = Pick<Judged, 'since' | 'until'>;

async function readRows(client: Asked, { since, until }: Within, customers: readonly string[]): Promise<Row[]> {
  const { rows } = await client.query<Row>(
    `select customer_id, id, type, source, quantity, occurred_at, properties from usage_event
    where customer_id = any($1) and counted_at >= $2 and counted_at < $3`,
    [customers, new Date(since), new Date(until)],
  );
  return rows;
}

async function readHours(
  client: Asked,
  { since, until }: Within,
  customers: readonly string[],
): Promise<Map<string, Totals>> {
  const found = new Map(customers.map((id) => [id, foldEvents([])]));
  const { rows } = await client.query<{ customer_id: string; meter_id: MeterId; quantity: string }>(
    `select customer_id, meter_id, case meter_id when 'connections' then max(quantity) else sum(quantity) end as quantity
    from usage_hour where customer_id = any($1) and hour_at >= $2 and hour_at < $3 and meter_id <> 'people'
    group by customer_id, meter_id
    union all
    select customer_id, meter_id, count(distinct value)::numeric from usage_unique
    where customer_id = any($1) and hour_at >= $2 and hour_at < $3 group by customer_id, meter_id`,
    [customers, new Date(since), new Date(until)],
  );
  for (const { customer_id, meter_id, quantity } of rows) {
    const totals = found.get(customer_id);
    if (totals !== undefined) totals[meter_id] = Number(quantity);
  }
  return found;
}

interface ReportRow {
  id: string;
  customer_id: string;
  stripe_customer_id: string;
  meter_id: MeterId;
  quantity: number;
  state: string;
}

async function readReports(db: Database, customers: readonly string[], ended_after: number): Promise<ReportRow[]> {
  const { rows } = await db.pool.query<ReportRow>(
    `select r.id, r.customer_id, c.stripe_customer_id, r.meter_id, r.quantity, r.state
    from usage_report as r join customer as c on c.id = r.customer_id
    where r.customer_id = any($1) and r.period_end_at > $2`,
    [customers, new Date(ended_after)],
  );
  return rows;
}
