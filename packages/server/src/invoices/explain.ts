import {
  type Explanation,
  type Instant,
  type Interval,
  type Meter,
  type Period,
  type PricedMinimum,
  type PricedUsage,
  type RatedLine,
  explainBase,
  explainMinimum,
  explainOther,
  explainProration,
  explainSetupFee,
  explainUsage,
  periodAt,
} from '@farebox/core';
import type { Database } from '../db/database.ts';
import { Problem } from '../problem.ts';
import { subscriptionById } from '../subscriptions/store.ts';
import { type InvoiceRow, type LineRow, linesOf } from './store.ts';

/** What was billed of one meter for one period. */
export interface BilledReport {
  customer_id: string;
  meter_id: string;
  quantity: number;
  period_start_at: Date;
  period_end_at: Date;
  lines: RatedLine[];
  minimum_minor: number;
  shortfall_minor: number;
  /** What the minimum of a whole period is, where it is of all the plan's usage. */
  plan_minimum: PricedMinimum | null;
  /** By what it was rated; null where that was not kept. */
  priced: PricedUsage | null;
}

/** How much came from where; `others` is what the largest leave. */
export interface Shares {
  shares: { source: string; quantity: number }[];
  others: number;
}

export interface ExplainedLine extends Explanation {
  invoice: InvoiceRow;
  line: LineRow;
  usage: { meter: Meter; report: BilledReport; tier: RatedLine; by_key: Shares; by_endpoint: Shares } | null;
  plan: { plan_id: string; plan_name: string; interval: Interval; amount_minor: number; period: Period | null } | null;
}

/** From a line of an invoice back to what it is made of. */
export function createExplain(deps: {
  db: Pick<Database, 'kysely'>;
  meters: readonly Meter[];
  reportById(id: string): Promise<BilledReport | null>;
  tierOfLine(report: BilledReport, line: LineRow): RatedLine | null;
  sharesOf(report: BilledReport, by: 'key_id' | 'endpoint'): Promise<Shares>;
  /** The plan and price that Stripe knows by this id. */
  priceOf(
    stripePriceId: string,
  ): Promise<{ plan_id: string; plan_name: string; interval: Interval; amount_minor: number } | null>;
  /** The setup fee that Stripe knows by this id of a price. */
  feeOf(stripePriceId: string): Promise<{ plan_name: string; amount_minor: number } | null>;
}) {
  const { db } = deps;

  async function ofUsage(line: LineRow, invoice: InvoiceRow): Promise<Omit<ExplainedLine, 'invoice' | 'line'> | null> {
    const report = line.usage_report_id === null ? null : await deps.reportById(line.usage_report_id);
    const tier = report === null ? null : deps.tierOfLine(report, line);
    if (report === null || tier === null) return null;
    const { meter_id } = report;
    const meter = deps.meters.find(({ id }) => id === meter_id) ?? {
      id: meter_id,
      name: meter_id,
      unit: 'unit',
      aggregation: 'sum' as const,
    };
    const [by_key, by_endpoint] = await Promise.all([
      deps.sharesOf(report, 'key_id'),
      deps.sharesOf(report, 'endpoint'),
    ]);
    const explained = explainUsage({ ...report, unit: meter.unit }, tier, line.amount_minor, invoice.currency);
    return { ...explained, usage: { meter, report, tier, by_key, by_endpoint }, plan: null };
  }

  async function ofMinimum(line: LineRow, invoice: InvoiceRow): Promise<Explanation | null> {
    const report = line.usage_report_id === null ? null : await deps.reportById(line.usage_report_id);
    const interval = report?.plan_minimum?.interval ?? report?.priced?.interval;
    const whole_minor = report?.plan_minimum?.amount_minor ?? report?.priced?.minimum_minor;
    if (report === null || interval === undefined || whole_minor === undefined) return null;
    const part = { start_at: report.period_start_at.getTime(), end_at: report.period_end_at.getTime() };
    const period = await periodOf(invoice, interval, { at: part.start_at, until: part.end_at });
    const { minimum_minor, shortfall_minor } = report;
    const usage_minor = minimum_minor - shortfall_minor;
    const billed = { interval, whole_minor, minimum_minor, usage_minor, part, period };
    return explainMinimum(billed, line.amount_minor, invoice.currency);
  }

  async function ofPlan(line: LineRow, invoice: InvoiceRow): Promise<Omit<ExplainedLine, 'invoice' | 'line'> | null> {
    const price = line.stripe_price_id === null ? null : await deps.priceOf(line.stripe_price_id);
    if (price === null) return null;
    const { currency } = invoice;
    const quantity = line.quantity ?? 1;
    if (line.kind !== 'proration') {
      const explained = explainBase(price, quantity, line.amount_minor, currency);
      return { ...explained, usage: null, plan: { ...price, period: null } };
    }
    const at = line.period_start_at.getTime();
    const until = line.period_end_at.getTime();
    const period = await periodOf(invoice, price.interval, { at, until });
    const explained = explainProration(price, quantity, { period, at, until }, line.amount_minor, currency);
    return { ...explained, usage: null, plan: { ...price, period } };
  }

  /** The whole period that a part belongs to. Without the subscription's anchor the part's own end says where it lies. */
  async function periodOf(
    invoice: InvoiceRow,
    interval: Interval,
    part: { at: Instant; until: Instant },
  ): Promise<Period> {
    const subscription =
      invoice.subscription_id === null ? null : await subscriptionById(db.kysely, invoice.subscription_id);
    const anchor = subscription?.billing_anchor_at.getTime() ?? part.until;
    return periodAt(anchor, interval, part.at);
  }

  /** `invoice` is the caller's to see. */
  return async function explain(invoice: InvoiceRow, lineId: string): Promise<ExplainedLine> {
    const lines = await linesOf(db.kysely, [invoice.id]);
    const line = lines.find(({ stripe_line_id }) => stripe_line_id === lineId);
    if (line === undefined) throw new Problem('not_found', 'The invoice has no such line.');
    const found = line.kind === 'overage' ? await ofUsage(line, invoice) : await ofPlan(line, invoice);
    if (found !== null) return { ...found, invoice, line };
    const minimum = line.kind === 'minimum' ? await ofMinimum(line, invoice) : null;
    const fee = line.stripe_price_id === null ? null : await deps.feeOf(line.stripe_price_id);
    const known = fee === null ? minimum : explainSetupFee(fee, line.amount_minor, invoice.currency);
    const explained = known ?? explainOther(line.description, line.amount_minor, invoice.currency);
    return { ...explained, usage: null, plan: null, invoice, line };
  };
}
