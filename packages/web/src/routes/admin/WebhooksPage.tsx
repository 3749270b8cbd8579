import { DeliveriesPanel } from '../../features/webhooks/DeliveriesPanel.tsx';
import { EndpointsPanel } from '../../features/webhooks/EndpointsPanel.tsx';
import { EventLogPanel } from '../../features/webhooks/EventLogPanel.tsx';
import { AdminPage } from './AdminPage.tsx';

export function WebhooksPage() {
  return (
    <AdminPage title="Webhooks" lead="What your programs are told, and what they answered">
      <EndpointsPanel owner="seller" />
      <DeliveriesPanel owner="seller" />
      <EventLogPanel owner="seller" />
    </AdminPage>
  );
}
