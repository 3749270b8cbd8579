import { ModeMark } from '../../features/accounts/ModeMark.tsx';
import { DeliveriesPanel } from '../../features/webhooks/DeliveriesPanel.tsx';
import { EndpointsPanel } from '../../features/webhooks/EndpointsPanel.tsx';
import { EventLogPanel } from '../../features/webhooks/EventLogPanel.tsx';
import { PageHead } from '../../ui/PageHead.tsx';
import { Guard } from '../Guard.tsx';
import { DashboardFrame } from './DashboardFrame.tsx';
import classes from './DashboardPage.module.css';

export function WebhooksPage() {
  return (
    <Guard allow={(me) => me.customer !== null}>
      {(me) => (
        <DashboardFrame me={me}>
          <div className={classes.page}>
            <PageHead title="Webhooks" lead="What your programs are told of your account" mark={<ModeMark />} />
            <EndpointsPanel owner="customer" />
            <DeliveriesPanel owner="customer" />
            <EventLogPanel owner="customer" />
          </div>
        </DashboardFrame>
      )}
    </Guard>
  );
}
