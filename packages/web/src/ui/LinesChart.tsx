import '@mantine/charts/styles.layer.css';
import { AreaChart } from '@mantine/charts';
import { formatCompact, formatCount } from '../lib/format.ts';

interface LinesProps {
  lines: readonly { name: string; color: string }[];
  /** Each with a `label` and a quantity by name; null: the line ends there. */
  points: Record<string, string | number | null>[];
  /** On top of each other, where they come to a whole. */
  stacked: boolean;
}

/** Lazy-loaded: it brings the charting library with it. */
export default function LinesChart({ lines, points, stacked }: LinesProps) {
  return (
    <AreaChart
      h="100%"
      data={points}
      dataKey="label"
      type={stacked && lines.length > 1 ? 'stacked' : 'default'}
      series={[...lines]}
      curveType="monotone"
      withGradient={lines.length === 1}
      withDots={false}
      strokeWidth={1.8}
      fillOpacity={lines.length === 1 ? 0.22 : 0.35}
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
