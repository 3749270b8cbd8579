import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { get, put, remove } from '../../lib/http.ts';
import type { CustomerOverrides } from '../../lib/wire.ts';
import type { OverridesWish } from './wish.ts';

function pathOf(customerId: string): string {
  return `/v1/customers/${encodeURIComponent(customerId)}/overrides`;
}

export function useOverrides(customerId: string) {
  return useQuery({
    queryKey: ['overrides', customerId],
    queryFn: ({ signal }) => get<CustomerOverrides>(pathOf(customerId), signal),
  });
}

/** What the features of the price list are called. */
export function useFeatures() {
  return useQuery({
    queryKey: ['/v1/features'],
    queryFn: ({ signal }) => get<{ data: { id: string; name: string }[] }>('/v1/features', signal),
  });
}

/** Null removes them all. */
export function useSetOverrides(customerId: string) {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: (wish: OverridesWish | null) =>
      wish === null ? remove<CustomerOverrides>(pathOf(customerId)) : put<CustomerOverrides>(pathOf(customerId), wish),
    onSuccess: (now) => queries.setQueryData(['overrides', customerId], now),
  });
}
