import '@mantine/charts/styles.layer.css';
import { AreaChart as MantineAreaChart } from '@mantine/charts';
import { formatCompact, formatCount } from '../lib/format.ts';

export interface ChartPoint {
  label: string;
  /** Null past the present: the line ends, the axis goes on. */
  value: number | null;
}

/** Lazy-loaded: it brings the charting library with it. */
export default function AreaChart({ points, name }: { points: ChartPoint[]; name: string }) {
  return (
    <MantineAreaChart
      h="100%"
      data={points.map((point) => ({ label: point.label, [name]: point.value }))}
      dataKey="label"
      series={[{ name, color: 'var(--fx-brand)' }]}
      curveType="monotone"
      withGradient
      withDots={false}
      strokeWidth={1.8}
      fillOpacity={0.22}
      tickLine="none"
      gridAxis="x"
      strokeDasharray="0"
      gridColor="var(--fx-line)"
      textColor="var(--fx-dim)"
      valueFormatter={formatCount}
      yAxisProps={{ width: 44, tickFormatter: (value: number) => formatCompact(value), allowDecimals: false }}
      xAxisProps={{ interval: 'equidistantPreserveStart', minTickGap: 36, padding: { left: 4, right: 4 } }}
      areaProps={{ isAnimationActive: false }}
      areaChartProps={{ accessibilityLayer: false }}
    />
  );
}
