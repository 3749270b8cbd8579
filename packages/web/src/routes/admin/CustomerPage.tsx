import { useQuery } from '@tanstack/react-query';
import { getRouteApi } from '@tanstack/react-router';
import { CustomerCredits } from '../../features/credits/CreditsPanel.tsx';
import { InvoicesPanel } from '../../features/invoices/InvoicesPanel.tsx';
import { KeysPanel } from '../../features/keys/KeysPanel.tsx';
import { OverridesPanel } from '../../features/overrides/OverridesPanel.tsx';
import { namesWords } from '../../features/plan/plan-words.ts';
import { useCustomerState } from '../../features/state/api.ts';
import { DunningNotice } from '../../features/state/StateNotices.tsx';
import { SpendCapPanel } from '../../features/spend-cap/SpendCapPanel.tsx';
import { SubscriptionsPanel } from '../../features/subscriptions/SubscriptionsPanel.tsx';
import { AlertsPanel } from '../../features/usage-alerts/AlertsPanel.tsx';
import { RejectionsPanel } from '../../features/usage-events/RejectionsPanel.tsx';
import { CorrectableEvents } from '../../features/usage-events/UsageEventsPanel.tsx';
import { UsageSeriesPanel } from '../../features/usage-series/UsageSeriesPanel.tsx';
import { get } from '../../lib/http.ts';
import type { Customer } from '../../lib/wire.ts';
import { Fault } from '../../ui/Fault.tsx';
import { AdminPage } from './AdminPage.tsx';

const route = getRouteApi('/admin/customers/$id');

export function CustomerPage() {
  const { id } = route.useParams();
  const customer = useQuery({
    queryKey: ['customer', id],
    queryFn: ({ signal }) => get<Customer>(`/v1/customers/${encodeURIComponent(id)}`, signal),
  });
  const state = useCustomerState(id);
  const { name = 'Customer', email = '', subscriptions = [] } = customer.data ?? {};
  return (
    <AdminPage title={name} lead={subscriptions.length === 0 ? email : `${email}, on ${namesWords(subscriptions)}`}>
      {customer.isError ? (
        <Fault what="The customer" error={customer.error} retry={customer.refetch} />
      ) : (
        <>
          {state.data === undefined ? null : (
            <DunningNotice state={state.data} title="A payment is owed, and access hardens until it is paid." />
          )}
          <SubscriptionsPanel customerId={id} />
          <InvoicesPanel customerId={id} />
          <UsageSeriesPanel customerId={id} />
          <CorrectableEvents customerId={id} />
          <RejectionsPanel customerId={id} />
          <SpendCapPanel customerId={id} owner="seller" />
          <AlertsPanel customerId={id} />
          <CustomerCredits customerId={id} />
          <OverridesPanel customerId={id} />
          <KeysPanel customerId={id} />
        </>
      )}
    </AdminPage>
  );
}
