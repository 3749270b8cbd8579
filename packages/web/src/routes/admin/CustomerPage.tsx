import { useQuery } from '@tanstack/react-query';
import { getRouteApi } from '@tanstack/react-router';
import { KeysPanel } from '../../features/keys/KeysPanel.tsx';
import { OverridesPanel } from '../../features/overrides/OverridesPanel.tsx';
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
  const { name = 'Customer', email = '', subscription = null } = customer.data ?? {};
  return (
    <AdminPage title={name} lead={subscription === null ? email : `${email}, on ${subscription.plan_name}`}>
      {customer.isError ? (
        <Fault what="The customer" error={customer.error} retry={customer.refetch} />
      ) : (
        <>
          <OverridesPanel customerId={id} />
          <KeysPanel customerId={id} />
        </>
      )}
    </AdminPage>
  );
}
