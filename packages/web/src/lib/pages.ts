import { keepPreviousData, useInfiniteQuery } from '@tanstack/react-query';
import { get, withQuery } from './http.ts';
import type { List } from './wire.ts';

/** A list that is read page by page, newest first. */
export function usePages<T>(
  path: string,
  query: Record<string, string | number | undefined> = {},
  options: { refetch_ms?: number } = {},
) {
  const pages = useInfiniteQuery({
    queryKey: [path, 'pages', query],
    queryFn: ({ pageParam, signal }) => get<List<T>>(withQuery(path, { ...query, starting_after: pageParam }), signal),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => (page.has_more ? page.next_cursor : null),
    placeholderData: keepPreviousData,
    ...(options.refetch_ms === undefined ? {} : { refetchInterval: options.refetch_ms }),
  });
  return { ...pages, rows: pages.data?.pages.flatMap((page) => page.data) };
}
