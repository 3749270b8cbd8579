import { SegmentedControl, Skeleton } from '@mantine/core';
import { IconChartAreaLine } from '@tabler/icons-react';
import { lazy, Suspense, useState } from 'react';
import { useNow } from '../../lib/session.ts';
import { formatCount } from '../../lib/format.ts';
import { Empty } from '../../ui/Empty.tsx';
import { Fault } from '../../ui/Fault.tsx';
import { Panel } from '../../ui/Panel.tsx';
import { useUsageSeries, useUsageSummary } from './api.ts';
import { chartPoints, chartSummary, defaultView, presentIn, rangeOf, type View } from './chart-data.ts';
import classes from './UsagePanel.module.css';

const AreaChart = lazy(() => import('../../ui/AreaChart.tsx'));

const views: { value: View; label: string }[] = [
  { value: 'day', label: '24 hours' },
  { value: 'period', label: 'Period' },
];

/** Usage of this period by day, or of the last day by hour; of a plan that measures something. */
export function UsagePanel({ group, id, live }: { group: string; id: string; live: boolean }) {
  const summary = useUsageSummary(group, live).data;
  const [chosen, choose] = useState<View | null>(null);
  const now = useNow();
  const present = summary ? presentIn(summary.period, now) : now;
  const view = chosen ?? (summary ? defaultView(summary.period, present) : 'period');
  const meter = summary?.meters[0];
  const series = useUsageSeries(meter?.meter_id, summary ? rangeOf(view, summary.period, present) : null, live);
  if (summary !== undefined && meter === undefined) return null;
  return (
    <Panel
      title={meter?.name ?? 'Usage'}
      id={id}
      mark={<Live on={live} />}
      actions={<SegmentedControl size="xs" data={views} value={view} onChange={choose} aria-label="Time shown" />}
    >
      {series.isError && !series.data ? (
        <Fault what="The chart" error={series.error} retry={series.refetch} />
      ) : (
        <Chart series={series.data} present={present} name={meter?.name ?? 'Usage'} />
      )}
    </Panel>
  );
}

interface ChartProps {
  series: Parameters<typeof chartPoints>[0] | undefined;
  present: number;
  name: string;
}

function Chart({ series, present, name }: ChartProps) {
  if (!series) return <Skeleton height={260} />;
  const points = chartPoints(series, present);
  const summary = chartSummary(points, formatCount);
  if (points.every((point) => (point.value ?? 0) === 0)) {
    return (
      <Empty title="No requests in this time" icon={<IconChartAreaLine size={20} />}>
        Make a call with one of your keys: it shows here a moment later.
      </Empty>
    );
  }
  const each = series.window === 'hour' ? 'per hour' : 'per day';
  return (
    <figure className={classes.figure}>
      <figcaption>
        {each}, UTC<span className="visually-hidden">. {summary}</span>
      </figcaption>
      <div className={classes.chart} aria-hidden="true">
        <div>
          <Suspense fallback={<Skeleton height="100%" />}>
            <AreaChart points={points} name={name} />
          </Suspense>
        </div>
      </div>
    </figure>
  );
}

function Live({ on }: { on: boolean }) {
  return (
    <span className={classes.live} data-on={on} title={on ? 'Updates as requests happen' : 'Updates every 5 seconds'}>
      {on ? 'Live' : 'Polling'}
    </span>
  );
}
