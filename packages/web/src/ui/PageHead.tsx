import type { ReactNode } from 'react';
import classes from './PageHead.module.css';

/** The title of a signed-in page. On a wide screen it stands in the row of the frame's tools. */
export function PageHead({ title, lead, mark }: { title: string; lead: string; mark?: ReactNode }) {
  return (
    <header className={classes.head}>
      <div>
        <h1>{title}</h1>
        {mark ? <span className={classes.mark}>{mark}</span> : null}
      </div>
      <p>{lead}</p>
    </header>
  );
}
