import { ModeMark } from '../../features/accounts/ModeMark.tsx';
import { RejectionsPanel } from '../../features/usage-events/RejectionsPanel.tsx';
import { OwnUsageEvents } from '../../features/usage-events/UsageEventsPanel.tsx';
import { UsageSeriesPanel } from '../../features/usage-series/UsageSeriesPanel.tsx';
import { PageHead } from '../../ui/PageHead.tsx';
import { Guard } from '../Guard.tsx';
import { DashboardFrame } from './DashboardFrame.tsx';
import classes from './DashboardPage.module.css';

export function UsagePage() {
  return (
    <Guard allow={(me) => me.customer !== null}>
      {(me) => (
        <DashboardFrame me={me}>
          <div className={classes.page}>
            <PageHead title="Usage" lead="What was used, when, and by what" mark={<ModeMark />} />
            <UsageSeriesPanel />
            <OwnUsageEvents />
            <RejectionsPanel />
          </div>
        </DashboardFrame>
      )}
    </Guard>
  );
}
