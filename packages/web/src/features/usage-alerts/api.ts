import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { get, put } from '../../lib/http.ts';
import type { UsageAlertSettings } from '../../lib/wire-usage.ts';

const pathOf = (customerId: string) => `/v1/customers/${encodeURIComponent(customerId)}/usage_alerts`;

export function useAlertSettings(customerId: string) {
  const path = pathOf(customerId);
  return useQuery({ queryKey: [path], queryFn: ({ signal }) => get<UsageAlertSettings>(path, signal) });
}

export function useSetAlerts(customerId: string) {
  const queries = useQueryClient();
  const path = pathOf(customerId);
  return useMutation({
    mutationFn: (percents: number[] | null) => put<UsageAlertSettings>(path, { percents }),
    onSuccess: (settings) => queries.setQueryData([path], settings),
  });
}
