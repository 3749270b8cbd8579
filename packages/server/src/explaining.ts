import type { AppOptions } from './app.ts';
import type { Reader } from './db/database.ts';
import { createExplain } from './invoices/explain.ts';
import type { LineRow } from './invoices/store.ts';
import type { Plans } from './plans/service.ts';
import { tierOfLine, topShares, usageShares } from './usage/breakdown.ts';
import { reportById, reportsByIds } from './usage/report.ts';

/** Joins what explains an invoice: its lines, the usage they bill and the plans they charge. Its part of `createApp`. */
export function connectExplaining(
  deps: Pick<AppOptions, 'db' | 'list'> & { plans: Pick<Plans, 'versionByStripePrice' | 'versionBySetupFee'> },
) {
  const { db, plans } = deps;
  const explain = createExplain({
    db,
    meters: deps.list.meters,
    reportById: (id) => reportById(db.kysely, id),
    tierOfLine,
    sharesOf: async ({ customer_id, meter_id, period_start_at, period_end_at }, by) => {
      const period = { start_at: period_start_at.getTime(), end_at: period_end_at.getTime() };
      const aggregation = deps.list.meters.find(({ id }) => id === meter_id)?.aggregation ?? 'count';
      return topShares(await usageShares(db.kysely, by, { customer_id, meter_id, aggregation, ...period }));
    },
    priceOf: async (id) => {
      const found = await plans.versionByStripePrice(id);
      if (found === null) return null;
      const { plan_id, content } = found.version;
      const { interval, amount_minor } = found.price;
      return { plan_id, plan_name: content.name, interval, amount_minor };
    },
    feeOf: async (id) => {
      const found = await plans.versionBySetupFee(id);
      if (found === null) return null;
      return { plan_name: found.version.content.name, amount_minor: found.price.setup_fee_minor };
    },
  });
  return { explain, packageSizes: (lines: readonly LineRow[]) => packageSizes(db.kysely, lines) };
}

/** Of lines that bill packages, how many units one has. */
export async function packageSizes(db: Reader, lines: readonly LineRow[]): Promise<Map<string, number>> {
  const ids = lines.map((line) => line.usage_report_id).filter((id) => id !== null);
  const reports = await reportsByIds(db, [...new Set(ids)]);
  const sizes = new Map<string, number>();
  for (const line of lines) {
    const report = reports.get(line.usage_report_id ?? '');
    const size = report === undefined ? undefined : tierOfLine(report, line)?.package_size;
    if (size !== undefined) sizes.set(line.stripe_line_id, size);
  }
  return sizes;
}
