import {
  type ClosingFault,
  type ClosingFacts,
  type Currency,
  type Instant,
  type Meter,
  type MeterHour,
  type PricedUsage,
  billedUnits,
  closingFaults,
  rateUsage,
} from '@farebox/core';
import type { Database } from '../../db/database.ts';
import type { Clock } from '../../ports.ts';
import { owedOf } from '../minimums/owed.ts';
import type { AskedScope } from '../service.ts';
import { type ClosedReport, closedReports, keepCounter, measureEvents, uncountedReports } from './store.ts';

/** What lines at Stripe come to, of one report. */
export interface InvoicedUsage {
  usage_minor: number;
  minimum_minor: number;
  credit_minor: number;
  corrections_minor: number;
  /** Stripe's own lines of usage that was sent to its meters. */
  metered_minor: number;
  /** They still grow: their invoice is a draft. */
  is_draft: boolean;
}

/** One period of one meter, from its events to its lines at Stripe. */
export interface ClosedPeriod extends ClosingFacts {
  usage_report_id: string;
  customer_id: string;
  subscription_id: string;
  meter_id: string;
  period_start_at: Date;
  period_end_at: Date;
  faults: ClosingFault[];
}

export interface ClosingReport {
  customer_id: string | null;
  from: Instant;
  to: Instant;
  checked: number;
  balanced: number;
  /** By currency: what was billed, and what is at Stripe of it. */
  totals: { currency: Currency; billed_minor: number; invoiced_minor: number }[];
  /** Those that do not balance; of one customer all, those first. */
  periods: ClosedPeriod[];
}

export type Closing = ReturnType<typeof createClosing>;

const page = 500;
/** What was decided this recently may be on its way. */
const patienceMs = 3_600_000;
/** Counters are kept for a day after their period. */
const counterKeptMs = 86_400_000;
const none: InvoicedUsage = {
  usage_minor: 0,
  minimum_minor: 0,
  credit_minor: 0,
  corrections_minor: 0,
  metered_minor: 0,
  is_draft: false,
};

/**
 * The closing report: of each period that was billed whether the gate's counter, the events, the hours, the bill and Stripe's lines
 * agree, or where not. Reads only. Counters are forgotten a day after their period: before that a job keeps what they say.
 */
export function createClosing(deps: {
  db: Pick<Database, 'kysely'>;
  clock: Clock;
  meters: readonly Meter[];
  kept_ms: number;
  usedInPeriods(scopes: readonly AskedScope[]): Promise<number[]>;
  /** What the gate's counter of each scope came to, in order; null: it knows nothing of it. */
  counted(scopes: readonly AskedScope[]): Promise<(number | null)[]>;
  findCustomer(id: string): Promise<{ id: string }>;
  /** By report what is at Stripe, of lines made from an instant on. */
  invoiced(customerId: string | null, since: Instant): Promise<ReadonlyMap<string, InvoicedUsage>>;
  /** Hours in which Stripe's meter has not what it was sent. */
  meterDifferences(of: {
    customer_id: string;
    meter_id: string;
    start_at: Instant;
    end_at: Instant;
  }): Promise<MeterHour[]>;
}) {
  const { clock } = deps;
  const db = deps.db.kysely;
  const aggregationOf = (id: string) => deps.meters.find((meter) => meter.id === id)?.aggregation ?? 'count';

  async function inspect(
    reports: readonly ClosedReport[],
    invoiced: ReadonlyMap<string, InvoicedUsage>,
  ): Promise<ClosedPeriod[]> {
    const scopes = reports.map(scopeOf);
    const hours = await deps.usedInPeriods(scopes);
    const counters = await countersOf(reports, scopes);
    const events = await measureEvents(
      db,
      scopes.map((scope, index) => ({
        ...scope,
        aggregation: aggregationOf(scope.meter_id),
        received_by: reports[index]?.created_at.getTime() ?? scope.end_at,
      })),
    );
    const periods: ClosedPeriod[] = [];
    for (const [index, report] of reports.entries()) {
      const found = events[index];
      const isKept = report.period_start_at.getTime() >= clock.now() - deps.kept_ms && found !== undefined;
      periods.push(
        await whole(report, invoiced.get(report.id) ?? none, {
          events: isKept ? billedUnits(found.all) : null,
          events_at_close: isKept ? billedUnits(found.at_close) : null,
          rolled_up: hours[index] ?? 0,
          counter: counters[index] ?? null,
        }),
      );
    }
    return periods;
  }

  /** As they were kept; of periods that are just over, as they are. */
  async function countersOf(reports: readonly ClosedReport[], scopes: readonly AskedScope[]) {
    const since = clock.now() - counterKeptMs;
    const asked = scopes.map(({ end_at }, index) => reports[index]?.counter == null && end_at >= since);
    const live = await deps.counted(scopes.filter((_, index) => asked[index]));
    return reports.map(({ counter }, index) => (asked[index] === true ? (live.shift() ?? null) : counter));
  }

  async function whole(
    report: ClosedReport,
    there: InvoicedUsage,
    counted: Pick<ClosingFacts, 'counter' | 'events' | 'events_at_close' | 'rolled_up'>,
  ): Promise<ClosedPeriod> {
    const {
      waiting_since,
      priced,
      lines,
      created_at: _created,
      state: _state,
      minimum_minor: _minimum,
      plan_minimum: _of_plan,
      metered_minor,
      id,
      ...rest
    } = report;
    const now = counted.events_at_close ?? counted.rolled_up;
    const facts = {
      ...rest,
      ...counted,
      rated_minor: priced === null ? null : rateUsage(priced, report.quantity).amount_minor,
      due_minor: priced === null || !report.is_corrected ? null : await due({ ...report, priced }, now),
      lines_minor: lines.reduce((sum, line) => sum + line.amount_minor, 0),
      is_sent: waiting_since === null,
      is_late: waiting_since !== null && waiting_since.getTime() < clock.now() - patienceMs,
      invoiced_minor: there.usage_minor + (there.is_draft ? (metered_minor ?? 0) : there.metered_minor),
      invoiced_minimum_minor: there.minimum_minor,
      invoiced_credit_minor: there.credit_minor,
      invoiced_corrections_minor: there.corrections_minor,
      meter_hours:
        metered_minor === null
          ? []
          : await deps.meterDifferences({
              customer_id: report.customer_id,
              meter_id: report.meter_id,
              start_at: report.period_start_at.getTime(),
              end_at: report.period_end_at.getTime(),
            }),
    };
    return { ...facts, usage_report_id: id, faults: closingFaults(facts) };
  }

  /** What of the report is owed now: of a minimum over several, what the others do not owe. */
  async function due(report: ClosedReport & { priced: PricedUsage }, quantity: number): Promise<number> {
    const own_minor = report.amount_minor + report.shortfall_minor + report.adjusted_minor;
    const billed = { amount_minor: own_minor, credited_minor: 0 };
    const { customer_id } = report;
    const owed = await owedOf(db, report, quantity, billed, async (meter_id, period) => {
      const [units = 0] = await deps.usedInPeriods([{ customer_id, meter_id, ...period }]);
      return units;
    });
    return owed.due_minor - (owed.billed.amount_minor - own_minor);
  }

  return {
    /** Keeps what the gate's counters say of periods that ended within their last day. Answers of how many. */
    async keepCounters(): Promise<number> {
      let kept = 0;
      for (let after = ''; ;) {
        const of = { since: clock.now() - counterKeptMs, after, limit: page };
        const reports = await uncountedReports(db, of);
        const counters = await deps.counted(reports.map(scopeOf));
        for (const [index, { id }] of reports.entries()) {
          const counter = counters[index] ?? null;
          if (counter === null) continue;
          await keepCounter(db, id, counter);
          kept += 1;
        }
        const last = reports.at(-1);
        if (last === undefined) return kept;
        after = last.id;
      }
    },

    /** Of the periods that ended in [from, to), of one customer or of all. */
    async report(of: { customer_id: string | null; from: Instant; to: Instant }): Promise<ClosingReport> {
      if (of.customer_id !== null) await deps.findCustomer(of.customer_id);
      const invoiced = await deps.invoiced(of.customer_id, of.from);
      const result: ClosingReport = { ...of, checked: 0, balanced: 0, totals: [], periods: [] };
      const fine: ClosedPeriod[] = [];
      for (let after = ''; ;) {
        const reports = await closedReports(db, { ...of, after, limit: page });
        for (const period of await inspect(reports, invoiced)) {
          result.checked += 1;
          addTo(result.totals, period);
          if (period.faults.length > 0) result.periods.push(period);
          else if (of.customer_id !== null) fine.push(period);
          if (period.faults.length === 0) result.balanced += 1;
        }
        const last = reports.at(-1);
        if (last === undefined) break;
        after = last.id;
      }
      return { ...result, periods: [...result.periods, ...fine] };
    },
  };
}

function scopeOf(
  report: Pick<ClosedReport, 'customer_id' | 'meter_id' | 'period_start_at' | 'period_end_at'>,
): AskedScope {
  const { customer_id, meter_id, period_start_at, period_end_at } = report;
  return { customer_id, meter_id, start_at: period_start_at.getTime(), end_at: period_end_at.getTime() };
}

function addTo(totals: ClosingReport['totals'], period: ClosedPeriod): void {
  const { currency } = period;
  let total = totals.find((each) => each.currency === currency);
  if (total === undefined) totals.push((total = { currency, billed_minor: 0, invoiced_minor: 0 }));
  const { amount_minor, shortfall_minor, credited_minor, adjusted_line_minor } = period;
  total.billed_minor += amount_minor + shortfall_minor - credited_minor + adjusted_line_minor;
  const { invoiced_minor, invoiced_minimum_minor, invoiced_credit_minor, invoiced_corrections_minor } = period;
  total.invoiced_minor += invoiced_minor + invoiced_minimum_minor + invoiced_credit_minor + invoiced_corrections_minor;
}
