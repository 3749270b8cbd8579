import { Button, Menu, NativeSelect, SegmentedControl, Skeleton } from '@mantine/core';
import { IconChartAreaLine, IconDownload } from '@tabler/icons-react';
import { lazy, Suspense, useState } from 'react';
import { formatCount } from '../../lib/format.ts';
import type { MeterSeries } from '../../lib/wire-usage.ts';
import { type Column, DataTable } from '../../ui/DataTable.tsx';
import { Empty } from '../../ui/Empty.tsx';
import { Fault } from '../../ui/Fault.tsx';
import { Panel } from '../../ui/Panel.tsx';
import { useKeyNames, useMeterSeries, useMeters } from './api.ts';
import {
  type Window,
  addsUp,
  colorOf,
  dimensionChoices,
  exportHref,
  exports,
  groupLabel,
  linesOf,
  shareOf,
  windowLabel,
} from './series-words.ts';
import classes from './usage-series.module.css';

const LinesChart = lazy(() => import('../../ui/LinesChart.tsx'));

const windows: { value: Window; label: string }[] = [
  { value: 'hour', label: 'Hours' },
  { value: 'day', label: 'Days' },
  { value: 'month', label: 'Months' },
];

/** A meter over time, whole or told apart, as a picture, a table and a file; of who is signed in, or of a customer that is named. */
export function UsageSeriesPanel({ customerId }: { customerId?: string }) {
  const meters = useMeters();
  const [meterId, chooseMeter] = useState<string | null>(null);
  const [window, chooseWindow] = useState<Window>('day');
  const [dimension, chooseDimension] = useState('');
  const meter = meters.data?.find(({ id }) => id === meterId) ?? meters.data?.[0];
  const dimensions = dimensionChoices(meter);
  const group_by = dimensions.some(({ value }) => value === dimension) && dimension !== '' ? dimension : null;
  const wish = meter === undefined ? null : { meter: meter.id, window, group_by };
  const series = useMeterSeries(customerId, wish);
  const failed = meters.isError ? meters : series;
  return (
    <Panel
      title="Usage over time"
      id="usage-over-time"
      actions={
        <>
          <SegmentedControl size="xs" data={windows} value={window} onChange={chooseWindow} aria-label="Window" />
          <Export customerId={customerId} series={series.data} />
        </>
      }
    >
      <div className={classes.choices}>
        <NativeSelect
          size="xs"
          label="Meter"
          data={(meters.data ?? []).map(({ id, name }) => ({ value: id, label: name }))}
          value={meter?.id ?? ''}
          onChange={(event) => chooseMeter(event.currentTarget.value)}
        />
        <NativeSelect
          size="xs"
          label="Told apart by"
          data={dimensions}
          value={group_by ?? ''}
          onChange={(event) => chooseDimension(event.currentTarget.value)}
        />
      </div>
      {failed.isError && series.data === undefined ? (
        <Fault what="Usage" error={failed.error} retry={failed.refetch} />
      ) : (
        <Shown customerId={customerId} series={series.data} />
      )}
    </Panel>
  );
}

interface ShownProps {
  customerId: string | undefined;
  series: MeterSeries | undefined;
}

function Shown({ customerId, series }: ShownProps) {
  const keyNames = useKeyNames(customerId, series?.group_by === 'key_id');
  if (series === undefined) return <Skeleton height={300} />;
  if (series.data.every(({ quantity }) => quantity === 0))
    return (
      <Empty title="No usage in this time" icon={<IconChartAreaLine size={20} />}>
        What is used shows here a moment later.
      </Empty>
    );
  const nameOf = (value: string) => groupLabel(value, series.group_by ?? '', keyNames);
  const lines = linesOf(series, nameOf);
  return (
    <>
      <p className={classes.words}>
        {formatCount(series.quantity)} {series.unit}s in all, {series.time_zone === 'UTC' ? 'UTC' : series.time_zone}
      </p>
      <div className={classes.halves}>
        <div className={classes.chart} aria-hidden="true">
          <Suspense fallback={<Skeleton height="100%" />}>
            <LinesChart {...lines} stacked={addsUp(series)} />
          </Suspense>
        </div>
        {/* Scrolls by itself, by keyboard too. */}
        <div className={classes.table} tabIndex={0} role="region" aria-label={`${series.name}, as a table`}>
          {series.group_by === null ? <ByWindow series={series} /> : <ByGroup series={series} nameOf={nameOf} />}
        </div>
      </div>
    </>
  );
}

type Point = MeterSeries['data'][number];

function ByWindow({ series }: { series: MeterSeries }) {
  const columns: Column<Point>[] = [
    {
      head: series.window === 'hour' ? 'Hour' : series.window === 'day' ? 'Day' : 'Month',
      cell: ({ start_at }) => windowLabel(start_at, series),
    },
    { head: `${series.unit}s`, align: 'right', cell: ({ quantity }) => formatCount(quantity) },
  ];
  return (
    <DataTable
      label={`${series.name} by ${series.window}`}
      columns={columns}
      rows={series.data.toReversed()}
      keyOf={({ start_at }) => start_at}
      empty={null}
    />
  );
}

function ByGroup({ series, nameOf }: { series: MeterSeries; nameOf: (value: string) => string }) {
  const columns: Column<MeterSeries['groups'][number]>[] = [
    {
      head: 'Of',
      cell: (group) => (
        <span className={classes.group}>
          <span className={classes.swatch} style={{ background: colorOf(series.groups.indexOf(group)) }} />
          {nameOf(group.value)}
        </span>
      ),
    },
    { head: `${series.unit}s`, align: 'right', cell: ({ quantity }) => formatCount(quantity) },
    { head: 'Share', align: 'right', cell: ({ quantity }) => shareOf(quantity, series) },
  ];
  return (
    <>
      <DataTable
        label={`${series.name}, told apart`}
        columns={columns}
        rows={series.groups}
        keyOf={({ value }) => value}
        empty={null}
      />
      {series.more_groups === 0 ? null : <p className={classes.more}>{formatCount(series.more_groups)} more</p>}
    </>
  );
}

function Export({ customerId, series }: ShownProps) {
  return (
    <Menu position="bottom-end" width={210}>
      <Menu.Target>
        <Button
          variant="default"
          size="compact-sm"
          leftSection={<IconDownload size={15} />}
          disabled={series === undefined}
        >
          Export
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        {series === undefined
          ? null
          : exports.map((choice) => (
              <Menu.Item key={choice.label} component="a" href={exportHref(customerId, series, choice)} download>
                {choice.label}
              </Menu.Item>
            ))}
      </Menu.Dropdown>
    </Menu>
  );
}
