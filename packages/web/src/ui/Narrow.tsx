import type { ReactNode } from 'react';
import { ColorSchemeToggle } from './ColorSchemeToggle.tsx';
import { Mark } from './Mark.tsx';
import classes from './Narrow.module.css';

interface NarrowProps {
  brand: string;
  title: string;
  lead?: ReactNode;
  /** Under the card: the way to another page. */
  foot?: ReactNode;
  children: ReactNode;
}

/** The frame of pages that ask one thing: sign in, sign up, wait for a payment. */
export function Narrow({ brand, title, lead, foot, children }: NarrowProps) {
  return (
    <div className={classes.page}>
      <header className={classes.top}>
        <a href="/">
          <Mark />
          {brand}
        </a>
        <ColorSchemeToggle />
      </header>
      <main className={classes.main}>
        <div className={classes.card}>
          <h1>{title}</h1>
          {lead ? <div className={classes.lead}>{lead}</div> : null}
          <div className={classes.body}>{children}</div>
        </div>
        {foot ? <p className={classes.foot}>{foot}</p> : null}
      </main>
    </div>
  );
}
