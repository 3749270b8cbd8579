import {
  type Aggregation,
  type CalendarWindow,
  type Instant,
  type Meter,
  dimensionsOf,
  windowStart,
  windowsBetween,
} from '@farebox/core';
import type { Database } from '../db/database.ts';
import { invariant } from '../lib/invariant.ts';
import type { Clock } from '../ports.ts';
import { Problem } from '../problem.ts';
import { type SeriesPoint, customerTimeZone, measureSeries } from './queries.ts';

export interface SeriesWish {
  meter_id?: string | undefined;
  window: CalendarWindow;
  from?: Instant | undefined;
  to?: Instant | undefined;
  /** The customer's own unless said. */
  time_zone?: string | undefined;
  group_by?: string | undefined;
  filters?: Readonly<Record<string, string>> | undefined;
}

export interface UsagePoint {
  start_at: Instant;
  quantity: number;
}

export interface UsageGroup {
  /** Empty: events did not say. */
  value: string;
  quantity: number;
  data: UsagePoint[];
}

/** A meter over windows of a calendar, those without usage included. */
export interface UsageSeries {
  meter_id: string;
  name: string;
  unit: string;
  aggregation: Aggregation;
  window: CalendarWindow;
  time_zone: string;
  end_at: Instant;
  /** Over the whole time: not the sum of the points where a meter adds nothing up. */
  quantity: number;
  data: UsagePoint[];
  group_by: string | null;
  /** The largest first. */
  groups: UsageGroup[];
  /** Groups that are left out here; they are in `data`. */
  more_groups: number;
}

/** What a series shows when it is not told from when. */
const defaultPoints = { hour: 48, day: 30, week: 12, month: 12 };
const mostPoints = 1000;
const mostGroups = 20;
/** Points of all groups together. */
const mostGroupPoints = 10_000;

/** Reads usage over time. */
export function createSeries(deps: {
  db: Pick<Database, 'kysely'>;
  clock: Clock;
  meters: readonly Meter[];
  kept_ms: number;
}) {
  const { db, clock, meters } = deps;

  return async (customerId: string, wish: SeriesWish): Promise<UsageSeries> => {
    const meter = meterOf(meters, wish.meter_id);
    const own = await customerTimeZone(db.kysely, customerId);
    if (own === null) throw noSuchCustomer();
    const time_zone = wish.time_zone ?? own;
    const { window, group_by = null, filters = {} } = wish;
    for (const name of [...Object.keys(filters), ...(group_by === null ? [] : [group_by])])
      requireDimension(meter, name);
    const bounds = boundsOf(wish, time_zone, clock.now());
    const points = await measureSeries(db.kysely, {
      customer_id: customerId,
      meter_id: meter.id,
      aggregation: meter.aggregation,
      bounds,
      kept_since: clock.now() - deps.kept_ms,
      group_by,
      filters,
    });
    const end_at = bounds.at(-1);
    invariant(end_at !== undefined, 'a series has an end');
    const data = dataOf(bounds, points, null);
    const groups = group_by === null ? [] : groupsOf(bounds, points);
    const most = Math.min(mostGroups, Math.max(1, Math.floor(mostGroupPoints / data.length)));
    return {
      meter_id: meter.id,
      name: meter.name,
      unit: meter.unit,
      aggregation: meter.aggregation,
      window,
      time_zone,
      end_at,
      quantity: totalOf(points, null),
      data,
      group_by,
      groups: groups.slice(0, most),
      more_groups: Math.max(0, groups.length - most),
    };
  };
}

/** As `customerScope` answers for a customer that is not the caller's. */
export function noSuchCustomer(): Problem {
  return new Problem('not_found', 'There is no such customer.', { param: 'customer_id' });
}

function boundsOf(wish: SeriesWish, time_zone: string, now: Instant): Instant[] {
  const { window } = wish;
  const to = wish.to ?? now + 1;
  let from = wish.from ?? windowStart(to - 1, window, time_zone);
  if (wish.from === undefined)
    for (let back = 1; back < defaultPoints[window]; back += 1) from = windowStart(from - 1, window, time_zone);
  if (from >= to) throw new Problem('invalid_request', 'from: Must lie before `to`.', { param: 'from' });
  const bounds = windowsBetween({ from, to }, window, time_zone, mostPoints);
  if (bounds === null)
    throw new Problem('invalid_request', `from: At most ${mostPoints} points in one answer.`, { param: 'from' });
  return bounds;
}

function dataOf(bounds: readonly Instant[], points: readonly SeriesPoint[], group: string | null): UsagePoint[] {
  const amounts = new Map(points.flatMap((point) => (point.group === group ? [[point.window, point.amount]] : [])));
  return bounds.slice(0, -1).map((start_at, window) => ({ start_at, quantity: Number(amounts.get(window) ?? 0) }));
}

function totalOf(points: readonly SeriesPoint[], group: string | null): number {
  return Number(points.find((point) => point.window === null && point.group === group)?.amount ?? 0);
}

function groupsOf(bounds: readonly Instant[], points: readonly SeriesPoint[]): UsageGroup[] {
  const byGroup = Map.groupBy(points, ({ group }) => group);
  const groups = [...byGroup].flatMap(([value, own]) =>
    value === null ? [] : [{ value, quantity: totalOf(own, value), data: dataOf(bounds, own, value) }],
  );
  return groups.toSorted((a, b) => b.quantity - a.quantity || (a.value < b.value ? -1 : 1));
}

function meterOf(meters: readonly Meter[], asked: string | undefined): Meter {
  const known = asked === undefined ? meters[0] : meters.find(({ id }) => id === asked);
  if (known !== undefined) return known;
  const names = meters.map(({ id }) => id).join(', ');
  throw new Problem('invalid_request', `meter: There is no such meter. There are: ${names}.`, { param: 'meter' });
}

function requireDimension(meter: Meter, name: string): void {
  const known = dimensionsOf(meter);
  if (known.includes(name)) return;
  throw new Problem(
    'invalid_request',
    `group_by: ${meter.id} is not kept by ${JSON.stringify(name)}. It is by: ${known.join(', ')}.`,
    { param: 'group_by' },
  );
}
