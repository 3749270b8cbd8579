import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { get, post } from '../../lib/http.ts';
import { usePages } from '../../lib/pages.ts';
import type { List } from '../../lib/wire.ts';
import type { PlanProposal, StripeImport, StripeImportItem } from '../../lib/wire-imports.ts';

const path = '/v1/admin/stripe_imports';
const runningMs = 1000;

/** The last imports and dry runs; looked at every second while one runs. */
export function useImports() {
  return useQuery<StripeImport[]>({
    queryKey: [path],
    refetchInterval: ({ state }) => (state.data?.some((one) => one.state === 'running') ? runningMs : false),
    queryFn: async ({ signal }) => (await get<List<StripeImport>>(`${path}?limit=10`, signal)).data,
  });
}

export function useSkipped(id: string) {
  return usePages<StripeImportItem>(`${path}/${encodeURIComponent(id)}/items`, { outcome: 'skipped', limit: 20 });
}

export interface ImportWish {
  dry_run: boolean;
  choices: Record<string, string>;
}

export function useStartImport() {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: (wish: ImportWish) => post<StripeImport>(path, wish),
    onSettled: () => queries.invalidateQueries({ queryKey: [path] }),
  });
}

/** Everything on sale at Stripe is read for it, so it is asked for by hand. */
export function useProposal() {
  return useMutation({ mutationFn: () => get<PlanProposal>('/v1/admin/plan_proposal') });
}
