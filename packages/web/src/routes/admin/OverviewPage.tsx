import { ClockPanel } from '../../features/clock/ClockPanel.tsx';
import { PlanShares, RevenueCards } from '../../features/revenue/RevenueCards.tsx';
import { useSeller } from '../../lib/session.ts';
import classes from './admin.module.css';
import { AdminPage } from './AdminPage.tsx';

export function OverviewPage() {
  const seller = useSeller();
  return (
    <AdminPage title="Overview" lead="How the business stands right now">
      <RevenueCards />
      <div className={classes.halves}>
        <PlanShares />
        {seller?.clock_movable ? <ClockPanel /> : null}
      </div>
    </AdminPage>
  );
}
