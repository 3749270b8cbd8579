import { createHash } from 'node:crypto';
import {
  type HourUnits,
  type Instant,
  type MeterHour,
  type PricedPlan,
  type PricedUsage,
  capMonthOf,
  meteredMinor,
  unitsToSend,
  unitsWithin,
} from '@farebox/core';
import Stripe from 'stripe';
import type { Database } from '../db/database.ts';
import { invariant } from '../lib/invariant.ts';
import { meteredPriceId } from '../plans/store.ts';
import type { Clock } from '../ports.ts';
import type { SubscriptionRow } from '../subscriptions/store.ts';
import { roomOfPeriod } from '../usage/caps/room.ts';
import { spendCapsOf } from '../usage/caps/store.ts';
import {
  type MeteredPeriod,
  type UsagePush,
  countedHours,
  insertPush,
  markFlushed,
  markPush,
  meteredPeriodOf,
  openPeriods,
  pushesOf,
  rejectPushes,
  sentByHour,
  settlePeriod,
} from '../usage/metered/store.ts';
import { type UsageReport, reopenReportOf } from '../usage/report.ts';
import { hourMs } from '../usage/rollup.ts';
import { meteredOn } from './items.ts';
import { customerKey, eventNameOf, valueKey } from './push-meters.ts';
import { meterOfLine } from './translate.ts';
import { cycleDraft } from './usage-billing.ts';

/** An hour is sent when it has been over for this long: what comes late within it costs no second event. */
const settleMs = 5 * 60_000;
/** Stripe takes events of the last 35 days; the oldest are told as a day younger. */
const oldestMs = 34 * 86_400_000;
/** Stripe knows an identifier for a day at least: past it an event without an answer is looked for before it is sent again. */
const knownMs = 23 * hourMs;
/** What Stripe would not take so often of one hour is left to a line of its own. */
const mostRejections = 3;
/** An invoice that was made this long after a period ended bills another one. */
const draftMs = 2 * 86_400_000;

/**
 * Sends usage to Stripe's Billing Meters by the hour, and settles what Stripe's own lines of a period come to. Every event is a row
 * before Stripe hears of it, and its identifier is made of what it is: sent again it counts once. One call at a time per customer.
 */
export function createUsageMeters(deps: {
  db: Database;
  clock: Clock;
  stripe: Stripe;
  installation_id: string;
  subscription(subscriptionId: string): Promise<SubscriptionRow | null>;
  planOfPrice(planPriceId: string): Promise<PricedPlan>;
  findStripeId(customerId: string): Promise<string | null>;
}) {
  const { db, clock, stripe, installation_id } = deps;

  /** The price as it is at Stripe: without what one customer agreed otherwise, which is a line of its own. */
  async function pricedUnder(plan_price_id: string, meter_id: string): Promise<PricedUsage> {
    const plan = await deps.planOfPrice(plan_price_id);
    const usage = plan.usage.find((each) => each.meter_id === meter_id);
    invariant(usage !== undefined, 'a metered period is of a plan that prices its meter');
    return usage;
  }

  async function rated(pushes: readonly UsagePush[]): Promise<number> {
    const taken = pushes.filter(({ state }) => state === 'sent');
    const parts: { usage: PricedUsage; units: number }[] = [];
    for (const [plan_price_id, own] of Map.groupBy(taken, (push) => push.plan_price_id)) {
      const [first] = own;
      if (first === undefined) continue;
      const usage = await pricedUnder(plan_price_id, first.meter_id);
      parts.push({ usage, units: own.reduce((sum, { units }) => sum + units, 0) });
    }
    return meteredMinor(parts);
  }

  /** Units that a spend cap leaves for a period, beside what is billed and what other periods of the month have sent. */
  async function unitsUnderCap(period: MeteredPeriod, usage: PricedUsage, currency: string): Promise<number | null> {
    const { customer_id } = period;
    const end_at = period.period_end_at.getTime();
    const caps = await spendCapsOf(db.kysely, customer_id);
    const room = await roomOfPeriod(db.kysely, caps, { customer_id, currency, end_at });
    if (room === null) return null;
    let others = 0;
    for (const other of await openPeriods(db.kysely, customer_id))
      if (!isSame(other, period) && capMonthOf(other.period_end_at.getTime()) === capMonthOf(end_at))
        others += await rated(await pushesOf(db.kysely, other));
    return unitsWithin(usage, Math.max(0, room - others));
  }

  /** Sends what a period has not been sent of, of hours that begin before `until`. */
  async function send(period: MeteredPeriod, item: Stripe.SubscriptionItem, until: Instant): Promise<void> {
    const { plan_price_id, customer_id, meter_id, subscription_id, period_start_at } = period;
    const stripe_customer_id = await deps.findStripeId(customer_id);
    if (plan_price_id === null || stripe_customer_id === null) return;
    for (const push of await pushesOf(db.kysely, period))
      if (push.state === 'pending') await deliver(push, stripe_customer_id);
    const pushes = await pushesOf(db.kysely, period);
    const end_at = Math.min(until, period.period_end_at.getTime());
    const counted = await countedHours(db.kysely, {
      customer_id,
      meter_id,
      start_at: period_start_at.getTime(),
      end_at,
    });
    const usage = await pricedUnder(plan_price_id, meter_id);
    const { currency } = (await deps.planOfPrice(plan_price_id)).price;
    const most = await unitsUnderCap(period, usage, currency);
    for (const next of unitsToSend(counted, pushes.filter(isCounted).map(hourOf), most)) {
      const own = pushes.filter(({ hour_at }) => hour_at.getTime() === next.hour_at);
      const occurred_at = occurredAt(next.hour_at, period, item.current_period_start * 1000, clock.now());
      if (occurred_at === null || own.filter(({ state }) => state === 'rejected').length >= mostRejections) continue;
      const revision = own.length + 1;
      const push: UsagePush = {
        identifier: identifierOf(installation_id, { subscription_id, meter_id, hour_at: next.hour_at, revision }),
        subscription_id,
        customer_id,
        meter_id,
        period_start_at,
        hour_at: new Date(next.hour_at),
        revision,
        units: next.units,
        plan_price_id,
        occurred_at: new Date(occurred_at),
        state: 'pending',
        created_at: new Date(clock.now()),
      };
      await insertPush(db.kysely, push);
      await deliver(push, stripe_customer_id);
    }
  }

  async function deliver(push: UsagePush, stripe_customer_id: string): Promise<void> {
    const at = new Date(clock.now());
    if (at.getTime() - push.created_at.getTime() > knownMs) {
      const isThere = await isKnownAtStripe(push, stripe_customer_id);
      const reason = isThere ? null : 'Stripe did not answer, and has no usage of it.';
      await markPush(db.kysely, push.identifier, { state: isThere ? 'sent' : 'rejected', reason, at });
      return;
    }
    let refusal: string | null = null;
    try {
      await stripe.billing.meterEvents.create({
        event_name: eventNameOf(installation_id, push.meter_id),
        identifier: push.identifier,
        timestamp: Math.floor(push.occurred_at.getTime() / 1000),
        payload: { [customerKey]: stripe_customer_id, [valueKey]: String(push.units) },
      });
    } catch (error) {
      if (!(error instanceof Stripe.errors.StripeInvalidRequestError)) throw error;
      // Sent before, and the answer was lost: it counts once.
      if (!isDuplicate(error)) refusal = error.message;
    }
    const state = refusal === null ? 'sent' : 'rejected';
    await markPush(db.kysely, push.identifier, { state, reason: refusal, at });
  }

  /** By what Stripe counted in its hour: more than the others that were sent of it. */
  async function isKnownAtStripe(push: UsagePush, customer: string): Promise<boolean> {
    const start_at = Math.floor(push.occurred_at.getTime() / hourMs) * hourMs;
    const hour = { start_at, end_at: start_at + hourMs };
    const counted = (await countedByHour(push.meter_id, customer, hour)).get(start_at) ?? 0;
    const others = (await sentByHour(db.kysely, { ...push, ...hour })).get(start_at) ?? 0;
    return counted >= others + push.units;
  }

  /** Units that Stripe's meter came to in each hour of a time that begins and ends with one. */
  async function countedByHour(
    meter_id: string,
    customer: string,
    { start_at, end_at }: { start_at: Instant; end_at: Instant },
  ): Promise<Map<Instant, number>> {
    const found = new Map<Instant, number>();
    const event_name = eventNameOf(installation_id, meter_id);
    for await (const meter of stripe.billing.meters.list({ limit: 100 })) {
      if (meter.event_name !== event_name) continue;
      const asked = {
        customer,
        start_time: start_at / 1000,
        end_time: end_at / 1000,
        value_grouping_window: 'hour' as const,
        limit: 100,
      };
      for await (const each of stripe.billing.meters.listEventSummaries(meter.id, asked))
        found.set(each.start_time * 1000, (found.get(each.start_time * 1000) ?? 0) + each.aggregated_value);
    }
    return found;
  }

  /**
   * The items of a subscription that bill the periods that run: those that lack are added, and those of a plan before are taken
   * away once nothing of them is open. Stripe bills what an item still has when it goes.
   */
  async function ensureItems(
    row: SubscriptionRow,
    running: readonly MeteredPeriod[],
    mayRemove: boolean,
  ): Promise<Map<string, Stripe.SubscriptionItem>> {
    const subscription = await stripe.subscriptions.retrieve(row.stripe_subscription_id);
    const held = meteredOn(subscription);
    const items = new Map<string, Stripe.SubscriptionItem>();
    for (const { plan_price_id, meter_id, period_start_at } of running) {
      const price = plan_price_id === null ? null : await meteredPriceId(db.kysely, plan_price_id, meter_id);
      if (price === null) continue;
      const known = held.find((item) => item.price.id === price);
      const has = held.map(({ id }) => id).join('+');
      const item =
        known ??
        (await stripe.subscriptionItems.create(
          { subscription: subscription.id, price, proration_behavior: 'none' },
          { idempotencyKey: `farebox:${installation_id}:item:${row.id}:${price}:${period_start_at.getTime()}:${has}` },
        ));
      items.set(meter_id, item);
    }
    const wanted = new Set([...items.values()].map(({ id }) => id));
    for (const { id } of mayRemove ? held : [])
      if (!wanted.has(id)) await stripe.subscriptionItems.del(id, { proration_behavior: 'none' });
    return items;
  }

  /** Of a customer, what is over of the hours of the periods that run. */
  async function flush(customer_id: string): Promise<void> {
    await db.withLock(`usage.meters:${customer_id}`, async () => {
      const now = clock.now();
      const open = await openPeriods(db.kysely, customer_id);
      for (const [subscription_id, own] of Map.groupBy(open, (period) => period.subscription_id)) {
        const row = await deps.subscription(subscription_id);
        if (row === null || row.ended_at !== null) continue;
        const running = own.filter((period) => period.period_end_at.getTime() > now);
        const isSettled = own.every((each) => running.includes(each) || each.plan_price_id === null);
        const items = await ensureItems(row, running, isSettled);
        const until = Math.floor((now - settleMs) / hourMs) * hourMs;
        for (const period of running) {
          const item = items.get(period.meter_id);
          if (item !== undefined) await send(period, item, until);
        }
      }
      await markFlushed(db.kysely, customer_id, new Date(now));
    });
  }

  /**
   * What Stripe's own lines of a billed period come to, each time it was settled; null: it was never sent to a meter. While the
   * invoice is a draft the rest is sent, and they come to what was sent; after that to what is on it.
   */
  async function settle(report: UsageReport): Promise<number[] | null> {
    return await db.withLock(`usage.meters:${report.customer_id}`, async () => {
      const period = await meteredPeriodOf(db.kysely, report);
      if (period === null || period.settled.length > 0) return period?.settled ?? null;
      const row = await deps.subscription(report.subscription_id);
      invariant(row !== null, 'a report is of a stored subscription');
      const amount = await amountAtStripe(row, { ...period, period_end_at: report.period_end_at });
      await settlePeriod(db.kysely, report, amount);
      return [amount];
    });
  }

  async function amountAtStripe(row: SubscriptionRow, period: MeteredPeriod): Promise<number> {
    const draft = row.ended_at === null ? await cycleDraft(stripe, row.stripe_subscription_id) : undefined;
    const end_at = period.period_end_at.getTime();
    if (draft === undefined || Math.abs(draft.created * 1000 - end_at) > draftMs) return await onInvoices(row, period);
    const { plan_price_id } = period;
    const price = plan_price_id === null ? null : await meteredPriceId(db.kysely, plan_price_id, period.meter_id);
    const subscription = await stripe.subscriptions.retrieve(row.stripe_subscription_id);
    const item = meteredOn(subscription).find((each) => each.price.id === price);
    // The item's period is the next one by now, and it billed the one before from its own beginning on.
    const since = Math.min((item?.created ?? 0) * 1000, end_at);
    if (item !== undefined) await send(period, { ...item, current_period_start: Math.floor(since / 1000) }, end_at);
    return await rated(await pushesOf(db.kysely, period));
  }

  /** Lines that Stripe rated itself, of usage in a period. */
  async function onInvoices(row: SubscriptionRow, period: MeteredPeriod): Promise<number> {
    const from = period.period_start_at.getTime();
    const asked = { subscription: row.stripe_subscription_id, created: { gte: Math.floor(from / 1000) }, limit: 100 };
    let sum = 0;
    for await (const invoice of stripe.invoices.list(asked))
      for await (const line of stripe.invoices.listLineItems(invoice.id, { limit: 100 }))
        if (meterOfLine(line) === period.meter_id && isWithin(line.period.end * 1000, period)) sum += line.amount;
    for await (const item of stripe.invoiceItems.list({ customer: await stripeIdOf(row), pending: true, limit: 100 }))
      if (
        item.pricing &&
        meterOfLine({ pricing: pricingOf(item) }) === period.meter_id &&
        isWithin(item.period.end * 1000, period)
      )
        sum += item.amount;
    return sum;
  }

  /**
   * What Stripe took and then would not count, as far as it says: it is sent again, or where the period is billed by then it is a
   * line of its own.
   */
  async function refused(rejected: readonly { identifier: string; reason: string }[]): Promise<void> {
    for (const name of await rejectPushes(db.kysely, rejected)) {
      const period = await meteredPeriodOf(db.kysely, name);
      const last = period?.settled.at(-1);
      const amount = await rated(await pushesOf(db.kysely, name));
      if (last === undefined || amount >= last) continue;
      await settlePeriod(db.kysely, name, amount);
      await reopenReportOf(db.kysely, name);
    }
  }

  /** Hours in which Stripe's meter has not what it was sent, of those that a time lies in. */
  async function differences(of: {
    customer_id: string;
    meter_id: string;
    start_at: Instant;
    end_at: Instant;
  }): Promise<MeterHour[]> {
    const customer = await deps.findStripeId(of.customer_id);
    if (customer === null) return [];
    const start_at = Math.floor(of.start_at / hourMs) * hourMs;
    const end_at = Math.ceil(of.end_at / hourMs) * hourMs;
    const counted = await countedByHour(of.meter_id, customer, { start_at, end_at });
    const sent = await sentByHour(db.kysely, { ...of, start_at, end_at });
    const hours = [...new Set([...counted.keys(), ...sent.keys()])].toSorted((a, b) => a - b);
    return hours
      .map((hour_at) => ({ hour_at, sent: sent.get(hour_at) ?? 0, counted: counted.get(hour_at) ?? 0 }))
      .filter((hour) => hour.sent !== hour.counted);
  }

  async function stripeIdOf({ customer_id }: SubscriptionRow): Promise<string> {
    const id = await deps.findStripeId(customer_id);
    invariant(id !== null, 'who has a subscription at Stripe is a customer there');
    return id;
  }

  return { flush, settle, refused, differences };
}

function pricingOf(item: Stripe.InvoiceItem): Stripe.InvoiceLineItem['pricing'] {
  return item.pricing;
}

function isWithin(at: Instant, period: Pick<MeteredPeriod, 'period_start_at' | 'period_end_at'>): boolean {
  // Stripe counts whole seconds.
  return at > period.period_start_at.getTime() && at <= period.period_end_at.getTime() + 1000;
}

function isSame(a: MeteredPeriod, b: MeteredPeriod): boolean {
  return (
    a.subscription_id === b.subscription_id &&
    a.meter_id === b.meter_id &&
    a.period_start_at.getTime() === b.period_start_at.getTime()
  );
}

function isCounted({ state }: UsagePush): boolean {
  return state !== 'rejected';
}

function hourOf({ hour_at, units }: UsagePush): HourUnits {
  return { hour_at: hour_at.getTime(), units };
}

/**
 * When Stripe is told that an hour's usage happened: in its last second, where the item that bills it was there by then, and no
 * further back than Stripe takes. Null: no instant of the period will do.
 */
function occurredAt(
  hour_at: Instant,
  period: Pick<MeteredPeriod, 'period_end_at'>,
  item_since: Instant,
  now: Instant,
): Instant | null {
  const last = Math.floor(period.period_end_at.getTime() / 1000) * 1000 - 1000;
  const at = Math.max(Math.min(hour_at + hourMs - 1000, last), item_since, now - oldestMs);
  return at <= last ? at : null;
}

/** The same for the same hour and revision, whoever sends it and however often. */
function identifierOf(
  installation_id: string,
  of: { subscription_id: string; meter_id: string; hour_at: Instant; revision: number },
): string {
  const named = [installation_id, of.subscription_id, of.meter_id, new Date(of.hour_at).toISOString(), of.revision];
  return createHash('sha256').update(named.join(':')).digest('hex');
}

/** Stripe's first API says it in words alone. */
function isDuplicate({ code, message }: Stripe.errors.StripeInvalidRequestError): boolean {
  return code === 'duplicate_meter_event' || message.includes('already exists with identifier');
}
