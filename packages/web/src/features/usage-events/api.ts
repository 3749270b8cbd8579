import { useMutation, useQueryClient } from '@tanstack/react-query';
import { post } from '../../lib/http.ts';
import { usePages } from '../../lib/pages.ts';
import type { UsageCorrection, UsageEvent } from '../../lib/wire-usage.ts';
import type { CorrectionWish } from './correction-words.ts';

const path = '/v1/usage/events';

export function useUsageEvents(customer_id: string) {
  return usePages<UsageEvent>(path, { customer_id, limit: 10 });
}

/** Puts an event right. */
export function useCorrection(customerId: string) {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: async ({ event, kind, ...right }: CorrectionWish) => {
      const { customer_id, id, type, source } = event;
      const named = { customer_id, type, source };
      return kind === 'void'
        ? await post<UsageCorrection>(`${path}/${encodeURIComponent(id)}/void`, { ...named, reason: right.reason })
        : await post<UsageCorrection>('/v1/usage/corrections', { ...named, event_id: id, ...right });
    },
    onSuccess: () =>
      Promise.all([
        queries.invalidateQueries({ queryKey: [path] }),
        queries.invalidateQueries({
          predicate: ({ queryKey: [first] }) => String(first).startsWith(`/v1/customers/${customerId}`),
        }),
      ]),
  });
}
