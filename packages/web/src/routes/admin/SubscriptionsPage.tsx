import { SubscriptionsPanel } from '../../features/subscriptions/SubscriptionsPanel.tsx';
import { AdminPage } from './AdminPage.tsx';

export function SubscriptionsPage() {
  return (
    <AdminPage title="Subscriptions" lead="What customers bought, as Stripe has it">
      <SubscriptionsPanel />
    </AdminPage>
  );
}
