import type { Interval } from '@farebox/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { post, remove } from '../../lib/http.ts';
import type { ChangePreview, Subscription, SubscriptionChange } from '../../lib/wire.ts';

/** Another plan or interval of the same subscription. */
export interface ChangeWish {
  plan_id: string;
  interval: Interval;
}

const previewKey = 'change-preview';

function pathOf(id: string): string {
  return `/v1/subscriptions/${encodeURIComponent(id)}`;
}

/** What a change would do and cost now. Not kept: a second later it is another amount. */
export function useChangePreview(id: string, wish: ChangeWish | null) {
  return useQuery({
    queryKey: [previewKey, id, wish],
    enabled: wish !== null,
    gcTime: 0,
    retry: false,
    refetchOnWindowFocus: false,
    queryFn: ({ signal }) => post<ChangePreview>(`${pathOf(id)}/preview`, { ...wish }, signal),
  });
}

export function useChange(id: string) {
  const changed = useChanged();
  return useMutation({
    mutationFn: (wish: ChangeWish & { proration_at?: string }) =>
      post<SubscriptionChange>(`${pathOf(id)}/change`, wish),
    onSettled: changed,
  });
}

/** So many of an add-on; 0 removes it. */
export interface AddOnWish {
  plan_id: string;
  quantity: number;
}

export function useAddOnPreview(id: string, wish: AddOnWish | null) {
  return useQuery({
    queryKey: [previewKey, 'add-on', id, wish],
    enabled: wish !== null,
    gcTime: 0,
    retry: false,
    refetchOnWindowFocus: false,
    queryFn: ({ signal }) => post<ChangePreview>(`${pathOf(id)}/add_ons/preview`, { ...wish }, signal),
  });
}

export function useSetAddOn(id: string) {
  const changed = useChanged();
  return useMutation({
    mutationFn: (wish: AddOnWish & { proration_at?: string }) =>
      post<SubscriptionChange>(`${pathOf(id)}/add_ons`, wish),
    onSettled: changed,
  });
}

export interface CancelWish {
  reason?: string;
  comment?: string;
}

export function useCancel(id: string) {
  const changed = useChanged();
  return useMutation({
    mutationFn: (wish: CancelWish) => post<Subscription>(`${pathOf(id)}/cancel`, wish),
    onSettled: changed,
  });
}

export function useRedeem(id: string) {
  const changed = useChanged();
  return useMutation({
    mutationFn: (code: string) => post<Subscription>(`${pathOf(id)}/coupons`, { code }),
    onSettled: changed,
  });
}

export type Verb = 'resume' | 'pause' | 'unpause' | 'undo';

/** The verbs that need no more words. */
export function useVerb(id: string) {
  const changed = useChanged();
  return useMutation({
    mutationFn: (verb: Verb) =>
      verb === 'undo'
        ? remove<Subscription>(`${pathOf(id)}/scheduled_change`)
        : post<Subscription>(`${pathOf(id)}/${verb}`),
    onSettled: changed,
  });
}

/** A change of the plan changes limits, invoices and cards too. What it would have cost is told no more. */
function useChanged(): () => Promise<void> {
  const queries = useQueryClient();
  return () => queries.invalidateQueries({ predicate: ({ queryKey: [name] }) => name !== previewKey });
}
