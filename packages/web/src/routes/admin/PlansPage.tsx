import { Skeleton } from '@mantine/core';
import { PlanVersionsPanel } from '../../features/migrations/PlanVersionsPanel.tsx';
import { usePriceList } from '../../features/plan/api.ts';
import { Fault } from '../../ui/Fault.tsx';
import { AdminPage } from './AdminPage.tsx';

export function PlansPage() {
  const plans = usePriceList();
  return (
    <AdminPage title="Plans" lead="Every version, who is on it, and how they move to another">
      {plans.isError ? <Fault what="The plans" error={plans.error} retry={plans.refetch} /> : null}
      {plans.isPending ? <Skeleton height={180} radius="md" /> : null}
      {plans.data?.map((plan) => (
        <PlanVersionsPanel key={plan.id} plan={plan} />
      ))}
    </AdminPage>
  );
}
