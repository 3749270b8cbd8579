import { useMutation, useQueryClient } from '@tanstack/react-query';
import { post } from '../../lib/http.ts';
import { usePages } from '../../lib/pages.ts';
import type { ApiKey, ApiKeyWithSecret } from '../../lib/wire.ts';

const path = '/v1/keys';

export function useKeys() {
  return usePages<ApiKey>(path, {}, { refetch_ms: 30_000 });
}

export function useCreateKey() {
  const changed = useKeysChanged();
  return useMutation({
    mutationFn: (name: string) => post<ApiKeyWithSecret>(path, { name }),
    onSuccess: changed,
  });
}

export function useRevokeKey() {
  const changed = useKeysChanged();
  return useMutation({
    mutationFn: (id: string) => post<ApiKey>(`${path}/${encodeURIComponent(id)}/revoke`),
    onSuccess: changed,
  });
}

/** Works exactly once, then answers 404: call it only when somebody asked to see the key. */
export function useRevealFirstKey() {
  return useMutation({ mutationFn: () => post<ApiKeyWithSecret>(`${path}/first`) });
}

function useKeysChanged(): () => Promise<void> {
  const queries = useQueryClient();
  return () => queries.invalidateQueries({ queryKey: [path] });
}
