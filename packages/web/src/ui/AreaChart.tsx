import LinesChart from './LinesChart.tsx';

export interface ChartPoint {
  label: string;
  /** Null past the present: the line ends, the axis goes on. */
  value: number | null;
}

/** One line, in the colour of the brand. Lazy-loaded: it brings the charting library with it. */
export default function AreaChart({ points, name }: { points: ChartPoint[]; name: string }) {
  return (
    <LinesChart
      lines={[{ name, color: 'var(--fx-brand)' }]}
      points={points.map(({ label, value }) => ({ label, [name]: value }))}
      stacked={false}
    />
  );
}
