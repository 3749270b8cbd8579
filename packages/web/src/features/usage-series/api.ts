import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { get, withQuery } from '../../lib/http.ts';
import type { Meter, MeterSeries } from '../../lib/wire-usage.ts';
import type { ApiKey, List } from '../../lib/wire.ts';
import type { Wish } from './series-words.ts';

/** What is measured. */
export function useMeters() {
  return useQuery({
    queryKey: ['meters'],
    queryFn: async ({ signal }) => (await get<List<Meter>>('/v1/meters', signal)).data,
    staleTime: 300_000,
  });
}

/** A meter over time, as far back as its window is shown; of the customer who is signed in, or of one that is named. */
export function useMeterSeries(customer_id: string | undefined, wish: Wish | null) {
  return useQuery({
    queryKey: ['usage', 'meter', customer_id, wish],
    queryFn: ({ signal }) => get<MeterSeries>(withQuery('/v1/usage', { customer_id, ...wish }), signal),
    enabled: wish !== null,
    placeholderData: keepPreviousData,
    refetchInterval: 60_000,
  });
}

/** What keys are called, by their ids; asked only where usage is told apart by them. */
export function useKeyNames(customer_id: string | undefined, isAsked: boolean): ReadonlyMap<string, string> {
  const keys = useQuery({
    queryKey: ['usage', 'key-names', customer_id],
    queryFn: async ({ signal }) =>
      (await get<List<ApiKey>>(withQuery('/v1/keys', { customer_id, limit: 100 }), signal)).data,
    enabled: isAsked,
  });
  return new Map(keys.data?.map(({ id, name }) => [id, name]));
}
