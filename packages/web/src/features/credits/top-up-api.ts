import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { get, post, put, remove } from '../../lib/http.ts';
import type { AutoTopUp, TopUp } from '../../lib/wire-credits.ts';
import type { AutoTopUpWish } from './auto-top-up-words.ts';

const pathOf = (customerId: string) => `/v1/customers/${encodeURIComponent(customerId)}`;

/** How often a payment under way is asked about; each question of a purchase makes the server look at Stripe. */
const poll_ms = 2_000;

/** Opens Stripe's page for one purchase of credit, and leaves for it. */
export function useTopUp(customerId: string) {
  return useMutation({
    mutationFn: async (amount_minor: number): Promise<void> => {
      const { url } = await post<TopUp>(`${pathOf(customerId)}/top_ups`, { amount_minor });
      if (url === null) throw new Error('The payment page is not ready yet. Please try again in a moment.');
      location.assign(url);
      await new Promise((resolve) => setTimeout(resolve, 10_000));
    },
  });
}

/** A purchase, followed until it is paid or over. */
export function useTopUpState(customerId: string, id: string) {
  const path = `${pathOf(customerId)}/top_ups/${encodeURIComponent(id)}`;
  return useQuery({
    queryKey: ['top-up', path],
    queryFn: ({ signal }) => get<TopUp>(path, signal),
    refetchInterval: ({ state }) => (state.data?.state === 'open' ? poll_ms : false),
    retry: false,
  });
}

export function useAutoTopUp(customerId: string) {
  const path = `${pathOf(customerId)}/auto_top_up`;
  return useQuery({
    queryKey: [path],
    queryFn: ({ signal }) => get<AutoTopUp>(path, signal),
    refetchInterval: ({ state }) => (state.data?.state === 'buying' ? poll_ms : false),
  });
}

/** Null turns it off. */
export function useSetAutoTopUp(customerId: string) {
  const queries = useQueryClient();
  const path = `${pathOf(customerId)}/auto_top_up`;
  return useMutation({
    mutationFn: (wish: AutoTopUpWish | null) => (wish === null ? remove<AutoTopUp>(path) : put<AutoTopUp>(path, wish)),
    onSettled: () =>
      queries.invalidateQueries({ predicate: ({ queryKey: [key] }) => String(key).startsWith(pathOf(customerId)) }),
  });
}
