import { type RatedLine } from '@farebox/core';
import { sql } from 'kysely';
import type { Reader } from '../db/database.ts';
import type { UsageReport } from './report.ts';
import { type UsageScope, wholeHours } from './queries.ts';

/** How much of a period's usage came from where; the largest first. */
export interface UsageShare {
  /** Empty: not known. */
  source: string;
  quantity: number;
}

/** As many are named; the rest is one share, whose source is null. */
const mostShares = 20;

/** By key or endpoint, where the shares sum to the whole; of a maximum, a last or an average value there are none. */
export type SharedScope = Omit<UsageScope, 'key_id'>;

/**
 * Usage of a scope by its keys or its endpoints. Counted as `measureScopes` counts, so that the shares sum to what was billed,
 * but for what is less than a unit.
 */
export async function usageShares(db: Reader, by: 'key_id' | 'endpoint', scope: SharedScope): Promise<UsageShare[]> {
  if (scope.aggregation !== 'count' && scope.aggregation !== 'sum') return [];
  const { customer_id, meter_id } = scope;
  const bounds = wholeHours(scope);
  const [start, from, to, end] = [scope.start_at, bounds.from, bounds.to, scope.end_at].map((at) => new Date(at));
  const source = sql.ref(by);
  const { rows } = await sql<UsageShare>`
    select coalesce(source, '') as source, round(sum(quantity))::bigint as quantity
    from (
      select ${source} as source, quantity from usage_hour
      where customer_id = ${customer_id} and meter_id = ${meter_id} and hour_at >= ${from} and hour_at < ${to}
      union all
      select ${source} as source, (counted ->> ${meter_id})::numeric from usage_event
      where customer_id = ${customer_id} and counted ? ${meter_id}
        and ((counted_at >= ${start} and counted_at < ${from}) or (counted_at >= ${to} and counted_at < ${end}))
    ) as used
    group by 1
    order by 2 desc, 1
  `.execute(db);
  return rows;
}

/** The largest of them, and what all others come to. */
export function topShares(shares: readonly UsageShare[]): { shares: UsageShare[]; others: number } {
  const rest = shares.slice(mostShares);
  return { shares: shares.slice(0, mostShares), others: rest.reduce((sum, { quantity }) => sum + quantity, 0) };
}

/** Of the tiers of a report the one that a line bills; null when none does. */
export function tierOfLine(
  report: Pick<UsageReport, 'lines'>,
  line: { quantity: number | null; unit_price_decimal: string | null },
): RatedLine | null {
  const isOf = (tier: RatedLine) =>
    tier.quantity === line.quantity && tier.unit_price_decimal === line.unit_price_decimal;
  return report.lines.find(isOf) ?? null;
}
