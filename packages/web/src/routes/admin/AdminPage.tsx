import type { ReactNode } from 'react';
import { ModeMark } from '../../features/accounts/ModeMark.tsx';
import { PageHead } from '../../ui/PageHead.tsx';
import classes from './admin.module.css';

/** A page of the operators: its title, and panels below. */
export function AdminPage({ title, lead, children }: { title: string; lead: string; children: ReactNode }) {
  return (
    <div className={classes.page}>
      <PageHead title={title} lead={lead} mark={<ModeMark />} />
      {children}
    </div>
  );
}
