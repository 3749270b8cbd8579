import { queryOptions, useQuery, useQueryClient } from '@tanstack/react-query';
import { machineNow } from './clock.ts';
import { get, HttpFault, post } from './http.ts';
import type { Me, PublicSeller } from './wire.ts';

/** Who is signed in; null when nobody is. */
export const meQuery = queryOptions({
  queryKey: ['me'],
  staleTime: 60_000,
  queryFn: async ({ signal }): Promise<Me | null> => {
    try {
      return await get<Me>('/v1/me', signal);
    } catch (error) {
      if (error instanceof HttpFault && error.status === 401) return null;
      throw error;
    }
  },
});

const sellerQuery = queryOptions({
  queryKey: ['seller'],
  staleTime: 30_000,
  refetchInterval: 60_000,
  queryFn: async ({ signal }): Promise<PublicSeller & { ahead_ms: number }> => {
    const seller = await get<PublicSeller>('/v1/seller', signal);
    return { ...seller, ahead_ms: seller.now === undefined ? 0 : Date.parse(seller.now) - machineNow() };
  },
});

export function useMe() {
  return useQuery(meQuery);
}

export function useSeller(): PublicSeller | undefined {
  return useQuery(sellerQuery).data;
}

/** The server's present, in epoch milliseconds: the browser's clock, corrected by how far the server's is ahead. */
export function useNow(): number {
  return machineNow() + (useQuery(sellerQuery).data?.ahead_ms ?? 0);
}

/** Ends the session, forgets everything that was read with it, and goes to `to`. */
export function useSignOut(to = '/'): () => Promise<void> {
  const queries = useQueryClient();
  return async () => {
    await post('/auth/sign-out');
    queries.clear();
    location.assign(to);
  };
}
