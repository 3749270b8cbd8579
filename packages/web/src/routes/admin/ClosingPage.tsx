import { ClosingPanel } from '../../features/closing/ClosingPanel.tsx';
import { AdminPage } from './AdminPage.tsx';

export function ClosingPage() {
  return (
    <AdminPage title="Closing" lead="A month of usage, from its events to the lines at Stripe">
      <ClosingPanel />
    </AdminPage>
  );
}
