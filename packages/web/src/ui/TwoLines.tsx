import type { ReactNode } from 'react';
import classes from './TwoLines.module.css';

/** A table cell: what it is, and something dimmer below. */
export function TwoLines({ first, second }: { first: ReactNode; second: ReactNode }) {
  return (
    <div className={classes.cell}>
      <strong>{first}</strong>
      <span>{second}</span>
    </div>
  );
}
