import { type Interval, addOnMisfit } from '@farebox/core';
import { useMutation, useQuery } from '@tanstack/react-query';
import { get, post } from '../../lib/http.ts';
import type { CheckoutSession, List, PublicPlan, Subscription } from '../../lib/wire.ts';
import { isLive } from './subscription-words.ts';

/** Everything that is sold, add-ons too. */
export function usePriceList() {
  return usePriceListOf((all) => all);
}

/** Plans of their own, no add-ons; of one group or of all. */
export function usePlans(group?: string) {
  return usePriceListOf((all) => all.filter((plan) => plan.group !== null && plan.group === (group ?? plan.group)));
}

/** What goes on top of this plan, in its currency and interval. */
export function useAddOns({ plan_id, price: { currency, interval } }: Pick<Subscription, 'plan_id' | 'price'>) {
  return usePriceListOf((all) => all.filter((plan) => addOnMisfit(plan, { plan_id, currency, interval }) === null));
}

function usePriceListOf(select: (all: PublicPlan[]) => PublicPlan[]) {
  return useQuery({
    queryKey: ['plans'],
    staleTime: 60_000,
    queryFn: async ({ signal }) => (await get<List<PublicPlan>>('/v1/plans', signal)).data,
    select,
  });
}

/** What a customer has and had. */
export interface Subscriptions {
  /** One in each group of plans at most, the oldest first. */
  live: Subscription[];
  /** The last one that has ended. */
  ended: Subscription | null;
}

export function useSubscriptions() {
  return useQuery({
    queryKey: ['subscriptions'],
    refetchInterval: 30_000,
    queryFn: async ({ signal }): Promise<Subscriptions> => {
      const { data } = await get<List<Subscription>>('/v1/subscriptions?limit=100', signal);
      return { live: data.filter(isLive).toReversed(), ended: data.find((each) => !isLive(each)) ?? null };
    },
  });
}

/** What a buyer chose: the plan, how it is paid, and what comes on top from the start. */
export interface CheckoutWish {
  plan_id: string;
  interval?: Interval;
  promotion_code?: string;
  add_ons?: { plan_id: string; quantity: number }[];
}

/** Opens a checkout and leaves this site for it. Stays pending afterwards: the page is going away. */
export function useCheckout() {
  return useMutation({
    mutationFn: async (wish: CheckoutWish): Promise<void> => {
      const { url } = await post<CheckoutSession>('/v1/checkout_sessions', wish);
      if (url === null) throw new Error('The payment page is not ready yet. Please try again in a moment.');
      location.assign(url);
      await new Promise((resolve) => setTimeout(resolve, 10_000));
    },
  });
}

export function readCheckout(id: string, signal?: AbortSignal): Promise<CheckoutSession> {
  return get<CheckoutSession>(`/v1/checkout_sessions/${encodeURIComponent(id)}`, signal);
}
