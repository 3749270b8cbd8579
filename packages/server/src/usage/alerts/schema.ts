import { mostAlertPercents } from '@farebox/core';
import { z } from '../../http/router.ts';
import type { NewAlert } from './service.ts';
import type { AlertParts } from './settings.ts';

/** As a webhook hears it. */
export function alertView({ key: _key, created_at, period_start_at, ...alert }: NewAlert) {
  return {
    object: 'usage_alert' as const,
    ...alert,
    period_start_at: period_start_at === null ? null : new Date(period_start_at).toISOString(),
    created_at: new Date(created_at).toISOString(),
  };
}

const percents = z.array(z.int().min(1).max(99)).max(mostAlertPercents);

export const alertSettingsBody = z.object({
  percents: percents
    .refine((list) => list.every((percent, index) => index === 0 || percent > (list[index - 1] ?? 0)), 'Must rise.')
    .nullable()
    .openapi({ description: 'In percent, rising: `[50, 80]`. Empty: only when all is used; null: as the plan says.' }),
});

export const alertSettingsSchema = z
  .object({
    object: z.literal('usage_alert_settings'),
    customer_id: z.string(),
    percents: z.array(z.int()).nullable().openapi({ description: 'Its own; null: as the plan says.' }),
    in_force: z.array(z.int()).openapi({ description: 'What counts now.' }),
  })
  .openapi('UsageAlertSettings');

export function alertSettingsView({ customer_id, own, in_force }: AlertParts): z.infer<typeof alertSettingsSchema> {
  return { object: 'usage_alert_settings', customer_id, percents: own, in_force };
}
