import { CustomersPanel } from '../../features/customers/CustomersPanel.tsx';
import { AdminPage } from './AdminPage.tsx';

export function CustomersPage() {
  return (
    <AdminPage title="Customers" lead="Everybody who signed up, newest first">
      <CustomersPanel />
    </AdminPage>
  );
}
