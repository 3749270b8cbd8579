import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { get, post } from '../../lib/http.ts';
import { usePages } from '../../lib/pages.ts';
import type { GrantWish } from './grant-wish.ts';
import type { CreditBalance, CreditEntry, CreditGrant, Reservation } from '../../lib/wire-credits.ts';

const pathOf = (customerId: string) => `/v1/customers/${encodeURIComponent(customerId)}`;

export function useCreditBalance(customerId: string) {
  const path = `${pathOf(customerId)}/credits`;
  return useQuery({ queryKey: [path], queryFn: ({ signal }) => get<CreditBalance>(path, signal) });
}

export function useGrants(customerId: string) {
  return usePages<CreditGrant>(`${pathOf(customerId)}/grants`, { limit: 10 });
}

export function useLedger(customerId: string) {
  return usePages<CreditEntry>(`${pathOf(customerId)}/ledger`, { limit: 10 });
}

/** What is held for work that goes on. */
export function useHeld(customerId: string) {
  return usePages<Reservation>(`${pathOf(customerId)}/reservations`, { limit: 10, state: 'held' });
}

export function useGrant(customerId: string) {
  const changed = useChanged(customerId);
  return useMutation({
    mutationFn: (wish: GrantWish) => post<CreditGrant>(`${pathOf(customerId)}/grants`, wish),
    onSuccess: changed,
  });
}

export function useVoidGrant(customerId: string) {
  const changed = useChanged(customerId);
  return useMutation({
    mutationFn: (id: string) => post<CreditGrant>(`${pathOf(customerId)}/grants/${encodeURIComponent(id)}/void`),
    onSettled: changed,
  });
}

function useChanged(customerId: string) {
  const queries = useQueryClient();
  return () =>
    queries.invalidateQueries({ predicate: ({ queryKey: [path] }) => String(path).startsWith(pathOf(customerId)) });
}
