import { type Entry, type KeyBudget, type PricedPlan, type Spending, joinParts } from '@farebox/core';
import { type Interned, createInterned } from '../lib/interned.ts';
import { invariant } from '../lib/invariant.ts';
import { type Reader, type Writer, isCount } from '../lib/packed-bytes.ts';

/** What many keys have in common. */
interface Shape {
  livemode: boolean;
  scopes: string[];
  allowed_cidrs: string[];
  budget: KeyBudget | null;
}

type Subscription = NonNullable<Entry['subscription']>;

/** Which of a part's values stand in its bytes; those that do not are null, or 0. */
const has = {
  subscription: 1,
  cancel: 1 << 1,
  ended: 1 << 2,
  past_due: 1 << 3,
  plan: 1 << 4,
  plan_next: 1 << 5,
  plan_after: 1 << 6,
  spending: 1 << 7,
  quota_used: 1 << 8,
  key_used: 1 << 9,
  quota_period: 1 << 10,
  budget_period: 1 << 11,
  /** Its numbers are no counts, one of them at least: eight bytes each. */
  long: 1 << 12,
};
const hasExpiry = 1;
const hasDisabled = 2;
const hasRevoked = 4;
const hasLong = 8;

/**
 * Entries as bytes, and bytes as entries. What is the same for many keys (plans, scopes, caps) is kept once and named by a number; what
 * is left of a key with one plan is some ninety bytes. What an entry's holder made of it (`plan_takes`) is not packed.
 */
export function createEntryPacking() {
  const shapes = createInterned<Shape>();
  const plans = createInterned<PricedPlan>();
  const spendings = createInterned<Spending>();
  const statuses: string[] = [];

  function placeOfStatus(status: string): number {
    const known = statuses.indexOf(status);
    return known === -1 ? statuses.push(status) - 1 : known;
  }

  function write(writer: Writer, entry: Entry): void {
    const parts = entry.parts ?? [entry];
    const { key_id, livemode, scopes, allowed_cidrs, budget, expires_at, disabled_at, revoked_at } = entry;
    writer.id(key_id);
    writer.u32(shapes.hold({ livemode, scopes, allowed_cidrs, budget }));
    const instants = [expires_at, disabled_at, revoked_at].filter((at) => at !== null);
    const long = !instants.every(isCount);
    writer.u8(
      (expires_at === null ? 0 : hasExpiry) |
        (disabled_at === null ? 0 : hasDisabled) |
        (revoked_at === null ? 0 : hasRevoked) |
        (long ? hasLong : 0),
    );
    for (const at of instants) writer.number(at, !long);
    writer.count(parts.length);
    for (const part of parts) writePart(writer, part);
  }

  function writePart(writer: Writer, part: Entry): void {
    const { subscription, plan, plan_next, spending, quota_used, key_used } = part;
    const numbers: number[] = [];
    let mask = 0;
    const add = (value: number | null | undefined, bit: number): void => {
      if (value === null || value === undefined) return;
      mask |= bit;
      numbers.push(value);
    };
    if (subscription !== null) {
      const { billing_anchor_at, current_period_start_at, current_period_end_at } = subscription;
      mask |= has.subscription;
      numbers.push(billing_anchor_at, current_period_start_at, current_period_end_at);
    }
    add(subscription?.cancel_at, has.cancel);
    add(subscription?.ended_at, has.ended);
    add(subscription?.past_due_since_at, has.past_due);
    add(quota_used === 0 ? null : quota_used, has.quota_used);
    add(key_used === 0 ? null : key_used, has.key_used);
    add(part.quota_period_start_at, has.quota_period);
    add(part.budget_period_start_at, has.budget_period);
    add(plan_next?.from_at, has.plan_next);
    if (plan !== null) mask |= has.plan;
    if (plan_next !== null && plan_next.plan !== null) mask |= has.plan_after;
    if (spending !== null) mask |= has.spending;
    const long = !numbers.every(isCount);
    if (long) mask |= has.long;
    writer.u16(mask);
    if (subscription !== null) writer.count(placeOfStatus(subscription.status));
    for (const value of numbers) writer.number(value, !long);
    if (plan !== null) writer.u32(plans.hold(plan));
    if (plan_next !== null && plan_next.plan !== null) writer.u32(plans.hold(plan_next.plan));
    if (spending !== null) writer.u32(spendings.hold(spending));
  }

  function read(reader: Reader, customer_id: string): Entry {
    const key_id = reader.id();
    const { livemode, scopes, allowed_cidrs, budget } = shapes.get(reader.u32());
    const bits = reader.u8();
    const instant = (bit: number): number | null => {
      if ((bits & bit) === 0) return null;
      return reader.number((bits & hasLong) === 0);
    };
    const expires_at = instant(hasExpiry);
    const disabled_at = instant(hasDisabled);
    const revoked_at = instant(hasRevoked);
    const parts: Entry[] = [];
    for (let left = reader.count(); left > 0; left -= 1) {
      const part = readPart(reader);
      parts.push({
        parts: null,
        key_id,
        customer_id,
        livemode,
        scopes,
        allowed_cidrs,
        expires_at,
        disabled_at,
        revoked_at,
        budget,
        ...part,
        plan_takes: null,
      });
    }
    const entry = joinParts(parts);
    invariant(entry !== null, 'an entry has a part');
    return entry;
  }

  function readPart(reader: Reader) {
    const mask = reader.u16();
    const number = (): number => reader.number((mask & has.long) === 0);
    const orNull = (bit: number): number | null => ((mask & bit) === 0 ? null : number());
    let subscription: Subscription | null = null;
    if ((mask & has.subscription) !== 0) {
      subscription = {
        status: statuses[reader.count()] ?? '',
        billing_anchor_at: number(),
        current_period_start_at: number(),
        current_period_end_at: number(),
        cancel_at: orNull(has.cancel),
        ended_at: orNull(has.ended),
        past_due_since_at: orNull(has.past_due),
      };
    }
    const quota_used = orNull(has.quota_used) ?? 0;
    const key_used = orNull(has.key_used) ?? 0;
    const quota_period_start_at = orNull(has.quota_period);
    const budget_period_start_at = orNull(has.budget_period);
    const from_at = orNull(has.plan_next);
    const plan = readPlan(reader, mask, has.plan);
    const after = readPlan(reader, mask, has.plan_after);
    const plan_next = from_at === null ? null : { from_at, plan: after };
    const spending = (mask & has.spending) === 0 ? null : spendings.get(reader.u32());
    return {
      subscription,
      plan,
      quota_used,
      key_used,
      quota_period_start_at,
      budget_period_start_at,
      spending,
      plan_next,
    };
  }

  function readPlan(reader: Reader, mask: number, bit: number): PricedPlan | null {
    return (mask & bit) === 0 ? null : plans.get(reader.u32());
  }

  /** Passes over an entry and lets go of what it shared. */
  function letGo(reader: Reader): void {
    reader.id();
    shapes.letGo(reader.u32());
    const bits = reader.u8();
    for (const bit of [hasExpiry, hasDisabled, hasRevoked])
      if ((bits & bit) !== 0) reader.number((bits & hasLong) === 0);
    for (let left = reader.count(); left > 0; left -= 1) letGoOfPart(reader);
  }

  function letGoOfPart(reader: Reader): void {
    const mask = reader.u16();
    if ((mask & has.subscription) !== 0) reader.count();
    const numbers =
      ((mask & has.subscription) === 0 ? 0 : 3) +
      [
        has.cancel,
        has.ended,
        has.past_due,
        has.quota_used,
        has.key_used,
        has.quota_period,
        has.budget_period,
        has.plan_next,
      ].filter((bit) => (mask & bit) !== 0).length;
    for (let left = numbers; left > 0; left -= 1) reader.number((mask & has.long) === 0);
    letGoIf(plans, reader, mask, has.plan);
    letGoIf(plans, reader, mask, has.plan_after);
    letGoIf(spendings, reader, mask, has.spending);
  }

  return {
    write,
    read,
    letGo,
    clear(): void {
      for (const each of [shapes, plans, spendings]) each.clear();
    },
    /** How many different ones are shared. */
    stats: () => ({ shapes: shapes.size(), plans: plans.size(), spendings: spendings.size() }),
  };
}

function letGoIf<T extends object>(of: Interned<T>, reader: Reader, mask: number, bit: number): void {
  if ((mask & bit) !== 0) of.letGo(reader.u32());
}
