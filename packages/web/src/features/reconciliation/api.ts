import { useMutation, useQueryClient } from '@tanstack/react-query';
import { post } from '../../lib/http.ts';
import { usePages } from '../../lib/pages.ts';
import type { ReconciliationRun } from '../../lib/wire-state.ts';

const path = '/v1/admin/reconciliation';

export function useRuns() {
  return usePages<ReconciliationRun>(`${path}/runs`, { limit: 10 });
}

/** Compares everything and repairs what has one right answer. */
export function useRun() {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: () => post<Pick<ReconciliationRun, 'checked' | 'found'>>(`${path}/run`),
    onSettled: () => queries.invalidateQueries(),
  });
}
