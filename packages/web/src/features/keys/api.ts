import { useMutation, useQueryClient } from '@tanstack/react-query';
import { patch, post } from '../../lib/http.ts';
import { usePages } from '../../lib/pages.ts';
import type { ApiKey, ApiKeyWithSecret } from '../../lib/wire.ts';

const path = '/v1/keys';
const of = (id: string) => `${path}/${encodeURIComponent(id)}`;

/** What may be said of a key. Left out: as it is, or as it is by default. */
export interface KeyWish {
  name?: string;
  scopes?: string[];
  allowed_cidrs?: string[];
  budget?: ApiKey['budget'];
  expires_at?: string | null;
  enabled?: boolean;
}

/** The signed-in customer's keys, or those of the customer an operator looks at. */
export function useKeys(customerId?: string) {
  return usePages<ApiKey>(path, { customer_id: customerId }, { refetch_ms: 30_000 });
}

export function useCreateKey() {
  const changed = useKeysChanged();
  return useMutation({ mutationFn: (wish: KeyWish) => post<ApiKeyWithSecret>(path, wish), onSuccess: changed });
}

export function useUpdateKey() {
  const changed = useKeysChanged();
  return useMutation({
    mutationFn: ({ id, wish }: { id: string; wish: KeyWish }) => patch<ApiKey>(of(id), wish),
    onSuccess: changed,
  });
}

export function useRotateKey() {
  const changed = useKeysChanged();
  return useMutation({
    mutationFn: ({ id, grace_seconds }: { id: string; grace_seconds: number }) =>
      post<ApiKeyWithSecret>(`${of(id)}/rotate`, { grace_seconds }),
    onSuccess: changed,
  });
}

export function useRevokeKey() {
  const changed = useKeysChanged();
  return useMutation({ mutationFn: (id: string) => post<ApiKey>(`${of(id)}/revoke`), onSuccess: changed });
}

/** Works exactly once, then answers 404: call it only when somebody asked to see the key. */
export function useRevealFirstKey() {
  return useMutation({ mutationFn: () => post<ApiKeyWithSecret>(`${path}/first`) });
}

/** The same for a secret that waits since a rotation. */
export function useRevealKey() {
  const changed = useKeysChanged();
  return useMutation({ mutationFn: (id: string) => post<ApiKeyWithSecret>(`${of(id)}/reveal`), onSuccess: changed });
}

function useKeysChanged(): () => Promise<void> {
  const queries = useQueryClient();
  return () => queries.invalidateQueries({ queryKey: [path] });
}
