import { keepPreviousData, useQuery, useQueryClient } from '@tanstack/react-query';
import { get, withQuery } from '../../lib/http.ts';
import { useLive } from '../../lib/live.ts';
import type { UsageSeries, UsageSummary } from '../../lib/wire.ts';
import type { Range } from './chart-data.ts';

/** How often usage is read while the live stream is down, and while it is up: a period can end without any usage. */
const poll_ms = 5_000;
const calm_ms = 60_000;

/** Reads usage again whenever the server says that it changed. Answers whether that works at the moment. */
export function useLiveUsage(): boolean {
  const queries = useQueryClient();
  return useLive('/v1/usage/live', 'usage', () => void queries.invalidateQueries({ queryKey: ['usage'] }));
}

/** Of the subscription in a group of plans. */
export function useUsageSummary(group: string, live: boolean) {
  return useQuery({
    queryKey: ['usage', 'summary', group],
    queryFn: ({ signal }) => get<UsageSummary>(withQuery('/v1/usage/summary', { group }), signal),
    refetchInterval: live ? calm_ms : poll_ms,
  });
}

export function useUsageSeries(meter_id: string | undefined, range: Range | null, live: boolean) {
  return useQuery({
    queryKey: ['usage', 'series', meter_id, range],
    queryFn: ({ signal }) => get<UsageSeries>(withQuery('/v1/usage', { meter: meter_id, ...range }), signal),
    enabled: meter_id !== undefined && range !== null,
    placeholderData: keepPreviousData,
    refetchInterval: live ? calm_ms : poll_ms,
  });
}
