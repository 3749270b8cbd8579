import type { ReactNode } from 'react';
import classes from './Status.module.css';

export type Tone = 'good' | 'warn' | 'bad' | 'neutral' | 'brand';

/** A small coloured label. */
export function Status({ tone, children }: { tone: Tone; children: ReactNode }) {
  return (
    <span className={classes.status} data-tone={tone}>
      {children}
    </span>
  );
}
