import { useMutation, useQueryClient } from '@tanstack/react-query';
import { post } from '../../lib/http.ts';
import { usePages } from '../../lib/pages.ts';
import type { UsageCorrection, UsageEvent, UsageRejection } from '../../lib/wire-usage.ts';
import type { CorrectionWish } from './correction-words.ts';

const path = '/v1/usage/events';

/** Which events are shown: all, or those that a meter counted, or those that none did. */
export type Shown = 'all' | 'true' | 'false';

/** Of the customer who is signed in, or, for operators, of one that is named. */
export function useUsageEvents(customer_id: string | undefined, shown: Shown) {
  return usePages<UsageEvent>(path, { customer_id, limit: 10, counted: shown === 'all' ? undefined : shown });
}

export function useRejections(customer_id: string | undefined) {
  return usePages<UsageRejection>('/v1/usage/rejections', { customer_id, limit: 10 });
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
