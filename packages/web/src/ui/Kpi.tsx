import { useId, type ReactNode } from 'react';
import classes from './Kpi.module.css';

interface KpiProps {
  label: string;
  value: ReactNode;
  /** The exact value, when `value` is shortened. */
  title?: string;
  /** Beside the value: a sparkline. */
  aside?: ReactNode;
  mark?: ReactNode;
  children?: ReactNode;
}

/** One number that matters. */
export function Kpi({ label, value, title, aside, mark, children }: KpiProps) {
  const labelId = useId();
  return (
    <section className={classes.kpi} aria-labelledby={labelId}>
      <header>
        <h2 id={labelId}>{label}</h2>
        {mark}
      </header>
      <div className={classes.row}>
        <p className={classes.value} title={title}>
          {value}
        </p>
        {aside}
      </div>
      <div className={classes.foot}>{children}</div>
    </section>
  );
}
