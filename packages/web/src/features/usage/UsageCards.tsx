import { formatMoney } from '@farebox/core';
import { Skeleton } from '@mantine/core';
import { formatCompact, formatCount, formatDay } from '../../lib/format.ts';
import { useNow } from '../../lib/session.ts';
import type { MeterSummary, UsageSummary } from '../../lib/wire.ts';
import { Fault } from '../../ui/Fault.tsx';
import { Gauge } from '../../ui/Gauge.tsx';
import { Kpi } from '../../ui/Kpi.tsx';
import { Sparkline } from '../../ui/Sparkline.tsx';
import { Status } from '../../ui/Status.tsx';
import { useUsageSeries, useUsageSummary } from './api.ts';
import { pastValues, presentIn, rangeOf } from './chart-data.ts';
import { quotaWords } from './quota-words.ts';
import classes from './UsageCards.module.css';

/** A number that long is shortened; its exact value is in the title. */
const long = 10_000_000;

export function UsageCards({ group, live }: { group: string; live: boolean }) {
  const summary = useUsageSummary(group, live);
  if (summary.isError && !summary.data) return <Fault what="Usage" error={summary.error} retry={summary.refetch} />;
  const meter = summary.data?.meters[0];
  return (
    <div className={classes.cards}>
      {summary.data === undefined ? <Waiting /> : null}
      {summary.data && meter ? <Cards summary={summary.data} meter={meter} live={live} /> : null}
      {summary.data ? <CostCard summary={summary.data} /> : null}
    </div>
  );
}

function Cards({ summary, meter, live }: { summary: UsageSummary; meter: MeterSummary; live: boolean }) {
  const past = usePastDays(summary, meter, live);
  const quota = quotaWords(meter, summary.currency, summary.period.end_at);
  const shorten = (quantity: number) => (quantity < long ? formatCount(quantity) : formatCompact(quantity));
  return (
    <>
      <Kpi
        label={`${meter.name} this period`}
        value={shorten(meter.quantity)}
        title={formatCount(meter.quantity)}
        aside={<Sparkline values={past} />}
      >
        {past.length === 0 ? ' ' : `${formatCount(past.at(-1) ?? 0)} today (UTC)`}
      </Kpi>
      <Kpi
        label="Quota left"
        value={shorten(meter.remaining)}
        title={formatCount(meter.remaining)}
        mark={quota.label ? <Status tone={quota.state === 'stopped' ? 'bad' : 'warn'}>{quota.label}</Status> : null}
      >
        <Gauge label="Quota used" used={meter.quantity} total={meter.included} valueText={quota.sentence} />
        <p className={classes.below}>{quota.sentence}</p>
      </Kpi>
    </>
  );
}

function CostCard({ summary }: { summary: UsageSummary }) {
  const money = (amount_minor: number) => formatMoney(amount_minor, summary.currency);
  const shortfall = summary.meters.reduce(
    (sum, meter) => sum + meter.shortfall_minor,
    summary.minimum?.shortfall_minor ?? 0,
  );
  return (
    <Kpi label="Cost so far" value={money(summary.total_so_far_minor)}>
      {money(summary.base_amount_minor)} base + {money(summary.cost_so_far_minor - shortfall)} overage
      {shortfall === 0 ? '' : ` + ${money(shortfall)} to the minimum`}
      {summary.spend_cap === null ? '' : `, at most ${money(summary.spend_cap.amount_minor)} a month`}
      <br />
      <span title={`At the pace since ${formatDay(summary.projection.pace_since_at)}`}>
        About {money(summary.projection.total_minor)} by {formatDay(summary.period.end_at)}
      </span>
    </Kpi>
  );
}

/** Units per day of this period, the last one being today's so far. */
function usePastDays(summary: UsageSummary, meter: MeterSummary, live: boolean): number[] {
  const present = presentIn(summary.period, useNow());
  const series = useUsageSeries(meter.meter_id, rangeOf('period', summary.period, present), live);
  return series.data ? pastValues(series.data, present) : [];
}

function Waiting() {
  return ['Requests this period', 'Quota left', 'Cost so far'].map((label) => (
    <Kpi key={label} label={label} value={<Skeleton component="span" display="block" height={26} width={120} mt={7} />}>
      <Skeleton height={10} width="60%" mt={8} mb={5} />
    </Kpi>
  ));
}
