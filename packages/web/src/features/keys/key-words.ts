import type { ApiKey } from '../../lib/wire.ts';
import type { Tone } from '../../ui/Status.tsx';

/** A first call with the key, ready to paste into a terminal. */
export function firstCall(url: string, secret: string): string {
  return `curl -i "${url}" -H "Authorization: Bearer ${secret}"`;
}

export const keyTones: Record<ApiKey['status'], Tone> = {
  active: 'good',
  disabled: 'warn',
  expired: 'neutral',
  revoked: 'neutral',
};

export const keyStatusWords: Record<ApiKey['status'], string> = {
  active: 'Active',
  disabled: 'Disabled',
  expired: 'Expired',
  revoked: 'Revoked',
};

/** The key whose secret still waits to be shown once. */
export function waitingFirstKey(keys: readonly ApiKey[]): ApiKey | null {
  return keys.find((key) => key.revealable && key.status === 'active') ?? null;
}
