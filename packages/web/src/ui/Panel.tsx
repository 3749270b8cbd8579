import { useId, type ReactNode } from 'react';
import classes from './Panel.module.css';

interface PanelProps {
  title: string;
  /** Stands beside the title: a badge. */
  mark?: ReactNode;
  /** Stands at the right end of the title's row. */
  actions?: ReactNode;
  /** Anchor for links from the navigation. */
  id?: string;
  tone?: 'plain' | 'brand';
  /** Without padding around the content: for tables, which bring their own. */
  flush?: boolean;
  children: ReactNode;
}

/** A titled card. */
export function Panel({ title, mark, actions, id, tone = 'plain', flush = false, children }: PanelProps) {
  const titleId = useId();
  return (
    <section className={classes.panel} data-tone={tone} id={id} aria-labelledby={titleId}>
      <header className={classes.header}>
        <h2 id={titleId}>{title}</h2>
        {mark}
        {actions ? <div className={classes.actions}>{actions}</div> : null}
      </header>
      <div className={flush ? classes.flush : classes.body}>{children}</div>
    </section>
  );
}
