import { useId } from 'react';
import { UpcomingPanel } from '../../features/invoices/UpcomingPanel.tsx';
import { PlanPanel } from '../../features/plan/PlanPanel.tsx';
import { AddOnsPanel } from '../../features/subscription/AddOnsPanel.tsx';
import { UsageCards } from '../../features/usage/UsageCards.tsx';
import { UsagePanel } from '../../features/usage/UsagePanel.tsx';
import type { Subscription } from '../../lib/wire.ts';
import classes from './DashboardPage.module.css';

interface PlanSectionProps {
  subscription: Subscription;
  isUpdating: boolean;
  /** The navigation leads to the first; its own name stands over it where there are several. */
  place: 'only' | 'first' | 'further';
}

/** One plan: its usage, its terms; of several, its add-ons and its next invoice too. */
export function PlanSection({ subscription, isUpdating, place }: PlanSectionProps) {
  const titleId = useId();
  const { group, plan_name } = subscription;
  const anchor = (name: string) => (place === 'further' ? `${name}-${group}` : name);
  return (
    <section className={classes.page} aria-labelledby={place === 'only' ? undefined : titleId}>
      {place === 'only' ? null : (
        <h2 id={titleId} className={classes.section}>
          {plan_name}
        </h2>
      )}
      <UsageCards group={group} live={isUpdating} />
      <div className={classes.wide}>
        <UsagePanel group={group} id={anchor('usage')} live={isUpdating} />
        <PlanPanel subscription={subscription} id={anchor('plan')} />
      </div>
      {place === 'only' ? null : (
        <div className={classes.halves}>
          <AddOnsPanel subscription={subscription} />
          <UpcomingPanel group={group} />
        </div>
      )}
    </section>
  );
}
