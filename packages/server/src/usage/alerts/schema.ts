import type { NewAlert } from './service.ts';

/** As a webhook hears it. */
export function alertView({ key: _key, created_at, ...alert }: NewAlert) {
  return { object: 'usage_alert' as const, ...alert, created_at: new Date(created_at).toISOString() };
}
