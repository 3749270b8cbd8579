import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { get, post, remove } from '../../lib/http.ts';
import type { List, PaymentMethod } from '../../lib/wire.ts';

const path = '/v1/payment_methods';
const key = ['payment-methods'];

export function usePaymentMethods() {
  return useQuery({
    queryKey: key,
    queryFn: async ({ signal }) => (await get<List<PaymentMethod>>(path, signal)).data,
  });
}

/** Leaves this site for the page where a card is added. Stays pending afterwards: the page is going away. */
export function useAddCard() {
  return useMutation({
    mutationFn: async (): Promise<void> => {
      const { url } = await post<{ url: string }>(`${path}/setup`);
      location.assign(url);
      await new Promise((resolve) => setTimeout(resolve, 10_000));
    },
  });
}

/** The server answers with all cards as they are now. */
export function useCardChange() {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: async ({ id, to }: { id: string; to: 'default' | 'removed' }): Promise<PaymentMethod[]> => {
      const one = `${path}/${encodeURIComponent(id)}`;
      const list = to === 'default' ? post<List<PaymentMethod>>(`${one}/default`) : remove<List<PaymentMethod>>(one);
      return (await list).data;
    },
    onSuccess: (methods) => queries.setQueryData(key, methods),
  });
}
