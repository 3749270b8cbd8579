import { formatMoney } from '@farebox/core';
import { Refusal } from '../lib/refusal.ts';
import type { ClosingReport } from '../usage/closing/service.ts';
import { optionsAndNames } from './arguments.ts';
import { besideFarebox } from './beside.ts';

/** Exit code while something does not balance; 1 is a failure. */
const differs = 2;

const known = {
  month: { type: 'string' },
  customer: { type: 'string' },
  json: { type: 'boolean' },
} as const;

/**
 * `farebox close --month 2026-11 [--customer cust_…] [--json]`: of every period of usage that ended in the month (UTC) whether its
 * counter, events, hours, bill and lines at Stripe agree, or where not.
 */
export async function close(args: string[]): Promise<number> {
  const { values, positionals } = optionsAndNames(args, known);
  if (positionals.length > 0) throw new Refusal('Name the month: farebox close --month 2026-11.');
  const { from, to } = monthOf(values.month ?? '');
  return await besideFarebox(async (app) => {
    const report = await app.closing.report({ customer_id: values.customer ?? null, from, to });
    console.log(values.json === true ? JSON.stringify(report, null, 2) : closingText(report));
    return report.balanced === report.checked ? 0 : differs;
  });
}

/** From the first instant of a month to that of the next. @throws Refusal for what is no month */
export function monthOf(text: string): { from: number; to: number } {
  const match = /^(\d{4})-(0[1-9]|1[0-2])$/.exec(text);
  if (match === null) throw new Refusal('Name the month: --month 2026-11.');
  const [year, month] = [Number(match[1]), Number(match[2])];
  // A period that ends with a month ends in the first instant of the next one.
  return { from: Date.UTC(year, month - 1, 1) + 1, to: Date.UTC(year, month, 1) + 1 };
}

/** One line for each period that does not balance, and one for all. */
export function closingText({ checked, balanced, totals, periods }: ClosingReport): string {
  const lines = periods.flatMap(({ customer_id, meter_id, period_end_at, faults }) =>
    faults.map(
      ({ code, detail }) =>
        `  ${code.padEnd(24)} ${customer_id} ${meter_id} to ${period_end_at.toISOString().slice(0, 10)}: ${detail}`,
    ),
  );
  const sums = totals.map(
    ({ currency, billed_minor, invoiced_minor }) =>
      `${formatMoney(billed_minor, currency)} belongs on invoices, lines of ${formatMoney(invoiced_minor, currency)} are at Stripe.`,
  );
  const head =
    balanced === checked
      ? `All ${checked} periods of usage balance.`
      : `${checked - balanced} of ${checked} periods of usage do not balance:`;
  return [head, ...lines, ...sums].join('\n');
}
