import { type Currency, type RatedLine, formatDecimal, formatMoney } from '@farebox/core';
import type Stripe from 'stripe';
import type { UsageAdjustment } from '../usage/corrections/store.ts';
import type { UsageReport } from '../usage/report.ts';

/** One line as it is put on an invoice; within its bill the name says which, whoever looks. */
export interface BilledItem {
  name: string;
  amount: number;
  description: string;
  metadata: Record<string, string>;
}

/** What is put on an invoice together: usage of one meter and period, or what a correction changed of it. */
export interface UsageBill {
  id: string;
  currency: Currency;
  period_start_at: Date;
  period_end_at: Date;
  /** Of an invoice that has nothing else. */
  description: string;
  items: BilledItem[];
}

/** The name of the line that takes off what credit paid. */
const creditLine = 'credit';
/** The name of the line that takes off what a spend cap leaves unbilled. */
const capLine = 'cap';
/** The name of the line of what usage lacks to its minimum. */
const minimumLine = 'minimum';
/** The name of the line of a correction. */
const correctionLine = 'correction';

/** Of a bill the line that an invoice item at Stripe is; null for what is none of it. */
export function itemNameOf(bill: Pick<UsageBill, 'id'>, { metadata }: Pick<Stripe.InvoiceItem, 'metadata'>) {
  if (metadata?.['farebox_usage_report'] === bill.id) return metadata['farebox_line'] ?? '';
  if (metadata?.['farebox_credit_report'] === bill.id) return creditLine;
  if (metadata?.['farebox_cap_report'] === bill.id) return capLine;
  if (metadata?.['farebox_minimum_report'] === bill.id) return minimumLine;
  return metadata?.['farebox_usage_adjustment'] === bill.id ? correctionLine : null;
}

/**
 * The tiers, what of them a spend cap leaves unbilled, what credit paid, and what is lacking to the minimum. `settled`: what Stripe's
 * own lines of it come to, each time that was known; null: it has none. Where Stripe rates the usage, a line has the difference.
 */
export function billOfReport(report: UsageReport, meter_name: string, settled: readonly number[] | null): UsageBill {
  const tiers = report.lines.map((line, index) => ({
    name: String(index),
    amount: line.amount_minor,
    description: describeLine(report, line, meter_name),
    metadata: {
      farebox_usage_report: report.id,
      farebox_line: String(index),
      farebox_quantity: String(line.quantity),
      farebox_unit_price: line.unit_price_decimal,
    },
  }));
  const cap = {
    name: capLine,
    amount: -report.capped_minor,
    description: `Not billed, the spend cap is reached: ${meter_name}`,
    metadata: { farebox_cap_report: report.id },
  };
  const credit = {
    name: creditLine,
    amount: -report.credited_minor,
    description: `Paid from credit: ${meter_name}`,
    metadata: { farebox_credit_report: report.id },
  };
  const minimum = {
    name: minimumLine,
    amount: report.shortfall_minor,
    description: minimumWords(report, meter_name),
    metadata: { farebox_minimum_report: report.id },
  };
  const isMetered = settled !== null && report.priced?.reporter === 'meters';
  const usage = isMetered ? [] : [...tiers, cap];
  const metered = settled === null ? [] : differences(report, meter_name, settled, isMetered ? report.amount_minor : 0);
  const { id, currency, period_start_at, period_end_at } = report;
  const description = `${meter_name} beyond the included amount`;
  return { id, currency, period_start_at, period_end_at, description, items: [...usage, ...metered, credit, minimum] };
}

/** `Pro, to the minimum of $500.00: $120.00 used` */
function minimumWords(report: UsageReport, meter_name: string): string {
  const { plan_minimum, minimum_minor, shortfall_minor, currency } = report;
  const used = formatMoney(minimum_minor - shortfall_minor, currency);
  return `${plan_minimum?.plan_name ?? meter_name}, to the minimum of ${formatMoney(minimum_minor, currency)}: ${used} used`;
}

/** What Stripe's own lines lack to what is owed, or have too much; and then what they turned out to lack besides. */
function differences(
  report: UsageReport,
  meter_name: string,
  settled: readonly number[],
  owed_minor: number,
): BilledItem[] {
  return settled.map((amount_minor, index) => {
    const before = index === 0 ? owed_minor : (settled[index - 1] ?? 0);
    const amount = before - amount_minor;
    return {
      name: `stripe-${index}`,
      amount,
      description: `${meter_name}: ${differenceWords(report, amount, index)}`,
      metadata: { farebox_usage_report: report.id, farebox_line: `stripe-${index}` },
    };
  });
}

function differenceWords(report: UsageReport, amount: number, index: number): string {
  if (index > 0) return "usage that Stripe's meter took and did not count";
  if (amount > 0) return "usage that did not reach Stripe's meter before the invoice";
  if (report.priced?.reporter !== 'meters') return "billed through Stripe's meter before the change of plan";
  return report.capped_minor > 0 ? 'not billed, the spend cap is reached' : "Stripe's meter has more than is owed";
}

/** One line with its reason: `Correction of API requests, 2026-11-01 to 2026-12-01: sent twice`. */
export function billOfAdjustment(adjustment: UsageAdjustment, meter_name: string): UsageBill {
  const { id, currency, period_start_at, period_end_at, line_minor, reason } = adjustment;
  const description = `Correction of ${meter_name}, ${dayOf(period_start_at)} to ${dayOf(period_end_at)}: ${reason}`;
  const metadata = { farebox_usage_adjustment: id };
  const items = [{ name: correctionLine, amount: line_minor, description, metadata }];
  return { id, currency, period_start_at, period_end_at, description, items };
}

function dayOf(at: Date): string {
  return at.toISOString().slice(0, 10);
}

/** `API requests over 1,000,000: 250,000 × $0.0008` */
function describeLine(report: Pick<UsageReport, 'currency'>, line: RatedLine, meter_name: string): string {
  const price = formatDecimal(line.unit_price_decimal, report.currency);
  const count = line.quantity.toLocaleString('en-US');
  const size = line.package_size;
  const sum =
    size === undefined
      ? `${count} × ${price}`
      : `${count}, in ${Math.ceil(line.quantity / size).toLocaleString('en-US')} × ${size.toLocaleString('en-US')} at ${price}`;
  return `${meter_name} beyond the included amount: ${sum}`;
}
