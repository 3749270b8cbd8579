import { formatMoney } from './money.ts';
import type { Currency, Instant } from './plan.ts';

/** What an alert is called, as a webhook hears it. */
export const usageAlertTypes = [
  'usage.threshold_reached',
  'quota.exceeded',
  'quota.reset',
  'spend_cap.warning',
  'spend_cap.reached',
  'credits.low',
  'credits.depleted',
  'usage.anomaly',
] as const;
export type UsageAlertType = (typeof usageAlertTypes)[number];

/** One thing to tell, once: `key` names it with the period and the amounts it is about. */
export interface UsageAlert {
  type: UsageAlertType;
  key: string;
  meter_id: string | null;
  /** Of the period it is about; null where that is a calendar month. */
  period_start_at: Instant | null;
  /** How much is used, and of how much: units, or minor units where there is a currency. */
  used: number;
  limit: number;
  currency: Currency | null;
  title: string;
  sentence: string;
}

/** A meter in the period that runs. */
export interface AlertedMeter {
  meter_id: string;
  name: string;
  unit: string;
  used: number;
  included: number;
  quota: 'soft' | 'hard';
  period_start_at: Instant;
  /** The last period in which the quota was told of as nearly or all used; null: none, or that it began anew was told since. */
  warned_in: Instant | null;
  /** Units of the last day, and of each of the seven days before it. */
  last_day: number;
  days_before: readonly number[];
}

/** At so many parts at most is somebody told. */
export const mostAlertPercents = 10;
/** At these parts of a quota, a cap and credit, in percent, somebody is told who said nothing else. */
export const usualAlertPercents: readonly number[] = [80];

/** What alerts are decided on. */
export interface AlertFacts {
  currency: Currency;
  /** At which parts of a quota, a cap and credit somebody is told before all of it is used, in percent, rising. */
  percents: readonly number[];
  meters: readonly AlertedMeter[];
  spend_cap: { month: string; amount_minor: number; spent_minor: number } | null;
  /** Of grants that count now: what they were given as, and what is left without what usage so far will take. */
  credits: { period_start_at: Instant; granted_minor: number; available_minor: number } | null;
}

/** An anomaly: more than so many times the average day, where most days of the week before had usage. */
const anomalyTimes = 3;
const anomalyDays = 4;
/** Less than so many units more are nobody's trouble. */
const anomalyUnits = 100;

/** What is to be told now. Of each quota, cap and credit the last threshold that was reached, and not those before it. */
export function usageAlerts(facts: AlertFacts): UsageAlert[] {
  return [
    ...facts.meters.flatMap((meter) =>
      [resetAlert(meter) ?? [], quotaAlert(meter, facts.percents) ?? [], anomalyAlert(meter) ?? []].flat(),
    ),
    ...[capAlert(facts) ?? [], creditAlert(facts) ?? []].flat(),
  ];
}

/**
 * Of how many more units, over all meters together, something new may be to be told; Infinity where no number of them would do.
 * Fewer change nothing as long as the period and what is included stay. 0 where money decides: what units cost is not known here.
 */
export function unitsToNextAlert({ meters, percents, spend_cap, credits }: AlertFacts): number {
  if ((spend_cap?.amount_minor ?? 0) > 0 || (credits?.granted_minor ?? 0) > 0) return 0;
  return meters.reduce(
    (least, meter) => Math.min(least, unitsToNextPart(meter, percents), unitsToAnomaly(meter)),
    Number.POSITIVE_INFINITY,
  );
}

function unitsToNextPart({ used, included: limit }: AlertedMeter, percents: readonly number[]): number {
  if (limit === 0 || used >= limit) return Number.POSITIVE_INFINITY;
  const next = percents.find((percent) => used * 100 < limit * percent) ?? 100;
  return Math.ceil((limit * next) / 100) - used;
}

function unitsToAnomaly(meter: AlertedMeter): number {
  const usual = usualDay(meter);
  if (usual === null) return Number.POSITIVE_INFINITY;
  const units = Math.max(usual * anomalyTimes + 1, usual + anomalyUnits) - meter.last_day;
  return units > 0 ? units : Number.POSITIVE_INFINITY;
}

/** The last part that was reached, 100 where all of it is used; null: none yet. */
function reachedPercent(used: number, limit: number, percents: readonly number[]): number | null {
  return used >= limit ? 100 : (percents.findLast((percent) => used * 100 >= limit * percent) ?? null);
}

function quotaAlert(meter: AlertedMeter, percents: readonly number[]): UsageAlert | null {
  const { meter_id, name, used, included: limit, quota, period_start_at } = meter;
  const percent = limit === 0 ? null : reachedPercent(used, limit, percents);
  if (percent === null) return null;
  const isOver = percent === 100;
  const reached = `${count(used)} of the ${count(limit)} ${meter.unit}s included in this period are used.`;
  const then = quota === 'hard' ? 'What goes beyond is refused.' : 'What goes beyond is billed.';
  return {
    type: isOver ? 'quota.exceeded' : 'usage.threshold_reached',
    key: `quota:${meter_id}:${period_start_at}:${limit}:${percent}`,
    meter_id,
    period_start_at,
    used,
    limit,
    currency: null,
    title: isOver ? `${name}: the included amount is used up` : `${name}: ${percent}% of the included amount is used`,
    sentence: `${reached} ${then}`,
  };
}

/** The quota is there again: told to who was told that it was nearly or all used, and to nobody else. */
function resetAlert(meter: AlertedMeter): UsageAlert | null {
  const { meter_id, name, unit, used, included: limit, period_start_at, warned_in } = meter;
  if (limit === 0 || warned_in === null || warned_in >= period_start_at) return null;
  return {
    type: 'quota.reset',
    key: `reset:${meter_id}:${period_start_at}`,
    meter_id,
    period_start_at,
    used,
    limit,
    currency: null,
    title: `${name}: a new period has begun`,
    sentence: `${count(limit)} ${unit}s are included in the period that runs now; ${count(used)} are used.`,
  };
}

/**
 * The last 24 hours had more than three times the average of the seven days before, at least four of which had usage, and
 * at least a hundred units more.
 */
function anomalyAlert(meter: AlertedMeter): UsageAlert | null {
  const { meter_id, name, unit, period_start_at, last_day } = meter;
  const limit = usualDay(meter);
  if (limit === null) return null;
  if (last_day <= limit * anomalyTimes || last_day - limit < anomalyUnits) return null;
  return {
    type: 'usage.anomaly',
    key: `anomaly:${meter_id}:${period_start_at}`,
    meter_id,
    period_start_at,
    used: last_day,
    limit,
    currency: null,
    title: `${name}: much more usage than usual`,
    sentence: `${count(last_day)} ${unit}s in the last 24 hours, more than ${anomalyTimes} times the ${count(limit)} a day of the week before.`,
  };
}

/** Units of an average day; null where too few days had any. */
function usualDay({ days_before }: AlertedMeter): number | null {
  if (days_before.filter((day) => day > 0).length < anomalyDays) return null;
  return Math.round(days_before.reduce((total, day) => total + day, 0) / days_before.length);
}

function capAlert({ spend_cap: cap, currency, percents }: AlertFacts): UsageAlert | null {
  if (cap === null || cap.amount_minor === 0) return null;
  const { spent_minor: used, amount_minor: limit } = cap;
  const percent = reachedPercent(used, limit, percents);
  if (percent === null) return null;
  const isReached = percent === 100;
  const sentence = `${formatMoney(used, currency)} of the ${formatMoney(limit, currency)} that usage may cost in a month are spent.`;
  return {
    type: isReached ? 'spend_cap.reached' : 'spend_cap.warning',
    key: `cap:${cap.month}:${limit}:${percent}`,
    meter_id: null,
    period_start_at: null,
    used,
    limit,
    currency,
    title: isReached ? 'The spend cap is reached' : `${percent}% of the spend cap is spent`,
    sentence: isReached ? `${sentence} Requests that would cost more are refused.` : sentence,
  };
}

function creditAlert({ credits, currency, percents }: AlertFacts): UsageAlert | null {
  if (credits === null || credits.granted_minor === 0) return null;
  const { granted_minor: limit, available_minor, period_start_at } = credits;
  const used = limit - available_minor;
  const percent = reachedPercent(used, limit, percents);
  if (percent === null) return null;
  const isUsedUp = percent === 100;
  const left = formatMoney(Math.max(0, available_minor), currency);
  return {
    type: isUsedUp ? 'credits.depleted' : 'credits.low',
    key: `credits:${period_start_at}:${limit}:${percent}`,
    meter_id: null,
    period_start_at,
    used,
    limit,
    currency,
    title: isUsedUp ? 'The credit is used up' : 'Little credit is left',
    sentence: isUsedUp
      ? 'Usage so far takes all of the credit. What goes beyond is billed.'
      : `${left} of ${formatMoney(limit, currency)} are left after usage so far.`,
  };
}

function count(units: number): string {
  return units.toLocaleString('en-US');
}
