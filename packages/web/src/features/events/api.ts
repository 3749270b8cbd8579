import { useMutation, useQueryClient } from '@tanstack/react-query';
import { post } from '../../lib/http.ts';
import { usePages } from '../../lib/pages.ts';
import type { StripeEvent, StripeEventState } from '../../lib/wire.ts';

const path = '/v1/admin/stripe_events';

export function useStripeEvents(state: StripeEventState | 'all') {
  return usePages<StripeEvent>(path, { state: state === 'all' ? undefined : state }, { refetch_ms: 10_000 });
}

export function useReplay() {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: (id: string) => post<StripeEvent>(`${path}/${encodeURIComponent(id)}/replay`),
    onSuccess: () =>
      Promise.all([
        queries.invalidateQueries({ queryKey: [path] }),
        queries.invalidateQueries({ queryKey: ['overview'] }),
      ]),
  });
}
