import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { get, put } from '../../lib/http.ts';
import type { SpendCap } from '../../lib/wire-usage.ts';

const pathOf = (customerId: string) => `/v1/customers/${encodeURIComponent(customerId)}/spend_cap`;

export function useSpendCap(customerId: string) {
  const path = pathOf(customerId);
  return useQuery({ queryKey: ['usage', path], queryFn: ({ signal }) => get<SpendCap>(path, signal) });
}

export function useSetSpendCap(customerId: string) {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: (amount_minor: number | null) => put<SpendCap>(pathOf(customerId), { amount_minor }),
    onSuccess: () => queries.invalidateQueries({ queryKey: ['usage'] }),
  });
}
