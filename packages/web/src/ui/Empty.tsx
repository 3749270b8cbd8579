import type { ReactNode } from 'react';
import classes from './Empty.module.css';

/** What stands where there is nothing yet, and what to do about it. */
export function Empty({ title, icon, children }: { title: string; icon?: ReactNode; children?: ReactNode }) {
  return (
    <div className={classes.empty}>
      {icon ? <span className={classes.icon}>{icon}</span> : null}
      <strong>{title}</strong>
      {children ? <div>{children}</div> : null}
    </div>
  );
}
