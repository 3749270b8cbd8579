import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { get, post } from '../../lib/http.ts';
import type { List, PlanMigration, PlanMigrationMove, PlanMigrationPreview, PlanVersion } from '../../lib/wire.ts';

export interface MigrationWish {
  when: 'now' | 'period_end';
  proration_behavior: 'none' | 'create_prorations' | 'always_invoice';
}

const runningMs = 1000;
const restingMs = 15_000;

function pathOf(planId: string): string {
  return `/v1/plans/${encodeURIComponent(planId)}`;
}

export function usePlanVersions(planId: string) {
  return useQuery({
    queryKey: ['plan-versions', planId],
    queryFn: async ({ signal }) => (await get<List<PlanVersion>>(`${pathOf(planId)}/versions`, signal)).data,
  });
}

/** Looked at every second while one runs. */
export function useMigrations(planId: string) {
  return useQuery<PlanMigration[]>({
    queryKey: ['plan-migrations', planId],
    refetchInterval: ({ state }) => (state.data?.some((one) => one.state === 'running') ? runningMs : restingMs),
    queryFn: async ({ signal }) => (await get<List<PlanMigration>>(`${pathOf(planId)}/migrations`, signal)).data,
  });
}

/** Not kept: a minute later others have the plan. */
export function useMigrationPreview(planId: string, wish: MigrationWish, enabled: boolean) {
  return useQuery({
    queryKey: ['plan-migration-preview', planId, wish],
    enabled,
    gcTime: 0,
    retry: false,
    queryFn: ({ signal }) => post<PlanMigrationPreview>(`${pathOf(planId)}/migrations/preview`, wish, signal),
  });
}

export function useMigrate(planId: string) {
  const changed = useChanged(planId);
  return useMutation({
    mutationFn: (wish: MigrationWish) => post<PlanMigration>(`${pathOf(planId)}/migrations`, wish),
    onSettled: changed,
  });
}

export function useMigrationVerb(planId: string) {
  const changed = useChanged(planId);
  return useMutation({
    mutationFn: ({ id, verb }: { id: string; verb: 'cancel' | 'retry' }) =>
      post<PlanMigration>(`${pathOf(planId)}/migrations/${encodeURIComponent(id)}/${verb}`),
    onSettled: changed,
  });
}

export function useFailures(migration: PlanMigration) {
  return useQuery({
    queryKey: ['plan-migration-failures', migration.id, migration.counts.failed],
    enabled: migration.counts.failed > 0,
    queryFn: ({ signal }) =>
      get<List<PlanMigrationMove>>(
        `${pathOf(migration.plan_id)}/migrations/${encodeURIComponent(migration.id)}/customers?state=failed`,
        signal,
      ),
  });
}

function useChanged(planId: string) {
  const queries = useQueryClient();
  return () =>
    Promise.all([
      queries.invalidateQueries({ queryKey: ['plan-migrations', planId] }),
      queries.invalidateQueries({ queryKey: ['plan-versions', planId] }),
    ]);
}
