import type { PlanFault } from './faults.ts';
import { groupsOf } from './group.ts';
import type { Currency, Instant, Plan, PriceList, Tier, UsagePrice } from './plan.ts';
import type { PricedPlan } from './priced-plan.ts';

/** Different values for one customer, over what the plan says; what is not named stays. */
export interface Overrides {
  /** By meter id. */
  included?: Record<string, number>;
  quota?: Record<string, 'soft' | 'hard'>;
  /** What units past the included amount cost, by meter id and currency. */
  overage?: Record<string, Record<Currency, UsagePrice>>;
  /** By the name of the plan's window: `1s`, or `maps.1s` where only the plan of one group is meant. */
  limits?: Record<string, number>;
  features?: Plan['features'];
}

/** Overrides from an instant on; null content: none. */
export interface OverridesFrom {
  from_at: Instant;
  expires_at: Instant | null;
  content: Overrides | null;
}

/** What is in force at `at`: the newest that began by then, unless it has expired. An expired one brings no older one back. */
export function overridesAt(history: readonly OverridesFrom[], at: Instant): Overrides | null {
  const begun = history.filter(({ from_at }) => from_at <= at);
  const last = begun.reduce<OverridesFrom | null>(
    (newest, each) => (newest === null || each.from_at >= newest.from_at ? each : newest),
    null,
  );
  if (last === null || (last.expires_at !== null && at >= last.expires_at)) return null;
  return last.content;
}

/** The plan with one customer's overrides. A soft quota needs an overage to bill: without one it stays hard. */
export function withOverrides(plan: PricedPlan, overrides: Overrides | null): PricedPlan {
  if (overrides === null) return plan;
  return {
    ...plan,
    usage: plan.usage.map((usage) => {
      const quota = overrides.quota?.[usage.meter_id] ?? usage.quota;
      const overage = overrides.overage?.[usage.meter_id]?.[plan.price.currency] ?? usage.overage;
      return {
        ...usage,
        included: overrides.included?.[usage.meter_id] ?? usage.included,
        quota: overage === null ? 'hard' : quota,
        overage,
      };
    }),
    limits: plan.limits.map((limit) => ({
      ...limit,
      limit: overrides.limits?.[`${plan.group}.${limit.name}`] ?? overrides.limits?.[limit.name] ?? limit.limit,
    })),
    features: { ...plan.features, ...overrides.features },
  };
}

/**
 * What of the overrides means nothing to this price list: meters, windows and features nobody has, values of another kind,
 * tiers that leave a gap. `own` are the plans the customer is on, which may be older than the list.
 */
export function overrideFaults(
  overrides: Overrides,
  list: Pick<PriceList, 'meters' | 'features' | 'plans'>,
  own: readonly Pick<Plan, 'group' | 'limits'>[],
): PlanFault[] {
  const faults: PlanFault[] = [];
  const meters = list.meters.map(({ id }) => id);
  const plans = [...list.plans, ...own];
  const windows = new Set(plans.flatMap(({ limits }) => limits.map(({ name }) => name)));
  // Of several groups one alone can be meant.
  if (groupsOf({ plans }).length > 1)
    for (const { group, limits } of plans)
      if (group !== null) for (const { name } of limits) windows.add(`${group}.${name}`);
  for (const part of ['included', 'quota', 'overage'] as const)
    for (const id of Object.keys(overrides[part] ?? {}))
      if (!meters.includes(id)) fault(`${part}.${id}`, `there is no meter "${id}"; there are: ${meters.join(', ')}`);
  for (const name of Object.keys(overrides.limits ?? {}))
    if (!windows.has(name)) fault(`limits.${name}`, `no plan has this window; there are: ${[...windows].join(', ')}`);
  for (const [id, value] of Object.entries(overrides.features ?? {})) {
    const feature = list.features.find((each) => each.id === id);
    if (feature === undefined) fault(`features.${id}`, `there is no feature "${id}"`);
    else if (feature.type === 'metered') fault(`features.${id}`, `is measured: override what is included of its meter`);
    else if (typeof value !== (feature.type === 'boolean' ? 'boolean' : typeof feature.default))
      fault(`features.${id}`, `must be a ${feature.type === 'boolean' ? 'boolean' : typeof feature.default}`);
  }
  for (const [id, prices] of Object.entries(overrides.overage ?? {}))
    for (const [currency, price] of Object.entries(prices))
      if ('tiers' in price && !isWhole(price.tiers))
        fault(`overage.${id}.${currency}`, 'tiers must rise, and only the last has no end');
  return faults;

  function fault(path: string, message: string): void {
    faults.push({ path, message });
  }
}

/** Each tier ends after the one before, and the last never does. */
function isWhole(tiers: readonly Tier[]): boolean {
  return tiers.every(({ up_to }, index) => {
    if (index === tiers.length - 1) return up_to === null;
    const before = index === 0 ? 0 : (tiers[index - 1]?.up_to ?? 0);
    return up_to !== null && up_to > before;
  });
}
