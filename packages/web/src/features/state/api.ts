import { useQuery } from '@tanstack/react-query';
import { get } from '../../lib/http.ts';
import type { CustomerState } from '../../lib/wire-state.ts';

/** All about one customer: what it may use, what it owes, what to know. */
export function useCustomerState(customerId: string) {
  return useQuery({
    queryKey: ['customer-state', customerId],
    refetchInterval: 30_000,
    queryFn: ({ signal }) => get<CustomerState>(`/v1/customers/${encodeURIComponent(customerId)}/state`, signal),
  });
}
