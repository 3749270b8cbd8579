import { type Instant, adjustBill } from '@farebox/core';
import type { Reader, Tx } from '../../db/database.ts';
import { createId } from '../../lib/id.ts';
import type { Clock } from '../../ports.ts';
import { Problem } from '../../problem.ts';
import type { Queue } from '../../queue/queue.ts';
import { owedOf } from '../minimums/owed.ts';
import { type CorrectedReport, type CorrectionRow, insertAdjustment, reportsCounting } from './store.ts';

/** Gives back to credit what it had paid of a report; in the transaction. */
export type RestoreCredit = (
  tx: Tx,
  report: { id: string; customer_id: string; amount_minor: number },
) => Promise<void>;

interface AdjustDeps {
  clock: Clock;
  queue: Pick<Queue, 'enqueue'>;
  usageOfPeriod(
    reader: Reader,
    customerId: string,
    meterId: string,
    period: { start_at: Instant; end_at: Instant },
  ): Promise<number>;
  restoreCredit: RestoreCredit;
}

/**
 * What a correction changes of bills that are closed: each period is measured again, rated as it was then, and the difference
 * is written down, with the job that puts it on an invoice.
 */
export async function adjustReports(
  tx: Tx,
  deps: AdjustDeps,
  correction: CorrectionRow,
  counted_at: Instant,
): Promise<void> {
  const { customer_id, before, after } = correction;
  const meters = [...new Set([...Object.keys(before.counted), ...Object.keys(after.counted)])];
  for (const report of await reportsCounting(tx, customer_id, meters, counted_at))
    await adjust(tx, deps, correction, report);
}

async function adjust(tx: Tx, deps: AdjustDeps, correction: CorrectionRow, report: CorrectedReport): Promise<void> {
  const { customer_id } = correction;
  const period = { start_at: report.period_start_at.getTime(), end_at: report.period_end_at.getTime() };
  const { priced } = report;
  if (priced === null)
    throw new Problem(
      'no_change',
      'This usage was billed before corrections of billed usage could be priced. Give credit, or a credit note.',
    );
  const measure = async (meterId: string) => await deps.usageOfPeriod(tx, customer_id, meterId, period);
  const quantity = await measure(report.meter_id);
  const of = { customer_id, usage_report_id: report.id, correction_id: correction.id };
  const { due_minor, billed } = await owedOf(tx, { ...report, customer_id, priced }, quantity, report, measure);
  const change = adjustBill(billed, due_minor, report.credited_minor);
  if (change.amount_minor === 0) return;
  const now = deps.clock.now();
  const id = createId('uadj', now);
  await insertAdjustment(tx, { ...of, ...change, id, quantity, created_at: new Date(now) });
  if (change.credited_minor < 0)
    await deps.restoreCredit(tx, { id: report.id, customer_id, amount_minor: -change.credited_minor });
  if (change.line_minor !== 0) await deps.queue.enqueue(tx, { name: 'usage.adjustment', data: { adjustment_id: id } });
}
