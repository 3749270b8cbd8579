import { ReconciliationPanel } from '../../features/reconciliation/ReconciliationPanel.tsx';
import { AdminPage } from './AdminPage.tsx';

export function ReconciliationPage() {
  return (
    <AdminPage title="Reconciliation" lead="What is here against what is at Stripe, every night and when you ask">
      <ReconciliationPanel />
    </AdminPage>
  );
}
