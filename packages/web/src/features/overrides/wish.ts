import type { FeatureValue } from '@farebox/core';
import type { CustomerOverrides } from '../../lib/wire.ts';

/** What is sent: `PUT /v1/customers/{id}/overrides`. */
export interface OverridesWish {
  limits: Record<string, number>;
  included: Record<string, number>;
  quota: Record<string, 'soft' | 'hard'>;
  overage: Record<string, unknown>;
  features: Record<string, FeatureValue>;
  expires_at: string | null;
  reason: string;
}

/**
 * From the fields of the form, which are named by what they override: `limit.1s`, `included.requests`, `quota.requests`,
 * `feature.history`. An empty field is as the plan says. Prices of usage stay as they were set over the API.
 */
export function overridesWish(fields: Record<string, string>, before: CustomerOverrides): OverridesWish {
  const { effective, overrides } = before;
  const wish: OverridesWish = {
    limits: {},
    included: {},
    quota: {},
    overage: overrides?.overage ?? {},
    features: {},
    expires_at: (fields['expires_on'] ?? '') === '' ? null : `${fields['expires_on']}T00:00:00.000Z`,
    reason: (fields['reason'] ?? '').trim(),
  };
  for (const { name } of effective?.limits ?? []) {
    const text = fields[`limit.${name}`] ?? '';
    if (text !== '') wish.limits[name] = Number(text);
  }
  for (const { meter_id } of effective?.usage ?? []) {
    const included = fields[`included.${meter_id}`] ?? '';
    if (included !== '') wish.included[meter_id] = Number(included);
    const quota = fields[`quota.${meter_id}`];
    if (quota === 'soft' || quota === 'hard') wish.quota[meter_id] = quota;
  }
  for (const [id, value] of Object.entries(effective?.features ?? {})) {
    const text = fields[`feature.${id}`] ?? '';
    if (text !== '') wish.features[id] = valueOf(text, value);
  }
  return wish;
}

/** Of the same kind as what the plan has. */
function valueOf(text: string, like: FeatureValue): FeatureValue {
  if (typeof like === 'boolean') return text === 'on';
  return typeof like === 'number' ? Number(text) : text;
}
