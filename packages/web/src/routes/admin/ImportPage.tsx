import { ImportPanel } from '../../features/imports/ImportPanel.tsx';
import { ProposalPanel } from '../../features/imports/ProposalPanel.tsx';
import { AdminPage } from './AdminPage.tsx';

export function ImportPage() {
  return (
    <AdminPage title="Import" lead="What this Stripe account had before Farebox came">
      <ProposalPanel />
      <ImportPanel />
    </AdminPage>
  );
}
