import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { get, withQuery } from '../../lib/http.ts';
import type { ClosingReport } from '../../lib/wire-usage.ts';
import { monthRange } from './months.ts';

const path = '/v1/usage/closing_report';

export function useClosingReport(month: string) {
  const range = monthRange(month);
  return useQuery({
    queryKey: [path, month],
    queryFn: ({ signal }) => get<ClosingReport>(withQuery(path, { ...range }), signal),
    enabled: range !== null,
    placeholderData: keepPreviousData,
  });
}
