import { type FeatureValue, mergeFeatures } from '@farebox/core';
import type { CustomerOverrides, EffectivePlan } from '../../lib/wire.ts';

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
 * `feature.history`; of several plans `limit.maps.1s`. An empty field is as the plan says. Prices of usage stay as they were set over the API.
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
  for (const { key } of windowsOf(effective)) {
    const text = fields[`limit.${key}`] ?? '';
    if (text !== '') wish.limits[key] = Number(text);
  }
  for (const { meter_id } of effective.flatMap(({ usage }) => usage)) {
    const included = fields[`included.${meter_id}`] ?? '';
    if (included !== '') wish.included[meter_id] = Number(included);
    const quota = fields[`quota.${meter_id}`];
    if (quota === 'soft' || quota === 'hard') wish.quota[meter_id] = quota;
  }
  for (const [id, value] of Object.entries(mergeFeatures(effective, {}))) {
    const text = fields[`feature.${id}`] ?? '';
    if (text !== '') wish.features[id] = valueOf(text, value);
  }
  return wish;
}

/** The windows of all plans; of several, each is called by its group too: `maps.1s`. */
export function windowsOf(
  effective: readonly EffectivePlan[],
): { key: string; name: string; limit: number; group: string }[] {
  return effective.flatMap(({ group, limits }) =>
    limits.map(({ name, limit }) => ({ key: effective.length > 1 ? `${group}.${name}` : name, name, limit, group })),
  );
}

/** Of the same kind as what the plan has. */
function valueOf(text: string, like: FeatureValue): FeatureValue {
  if (typeof like === 'boolean') return text === 'on';
  return typeof like === 'number' ? Number(text) : text;
}
