import { Link } from '@tanstack/react-router';
import { ReconciliationPanel } from '../../features/reconciliation/ReconciliationPanel.tsx';
import { AdminPage } from './AdminPage.tsx';
import classes from './admin.module.css';

export function ReconciliationPage() {
  return (
    <AdminPage title="Reconciliation" lead="What is here against what is at Stripe, every night and when you ask">
      <ReconciliationPanel />
      <p className={classes.aside}>
        Were there customers at Stripe before Farebox? <Link to="/admin/import">Take them over</Link>
      </p>
    </AdminPage>
  );
}
