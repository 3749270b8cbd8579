import classes from './Gauge.module.css';

interface GaugeProps {
  label: string;
  /** What is used, and how much there is; past it, the excess is drawn in another colour. */
  used: number;
  total: number;
  valueText: string;
}

/** A bar that fills up, and shows by colour how far past full it went. */
export function Gauge({ label, used, total, valueText }: GaugeProps) {
  const whole = Math.max(used, total, 1);
  const within = (Math.min(used, total) / whole) * 100;
  const past = (Math.max(used - total, 0) / whole) * 100;
  return (
    <div
      className={classes.gauge}
      role="progressbar"
      aria-label={label}
      aria-valuemin={0}
      aria-valuemax={total}
      aria-valuenow={Math.min(used, total)}
      aria-valuetext={valueText}
    >
      <span className={classes.within} style={{ width: `${within}%` }} />
      <span className={classes.past} style={{ width: `${past}%` }} />
    </div>
  );
}
