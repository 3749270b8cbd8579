import type { Access } from './entitlement.ts';
import type { PlanFault } from './faults.ts';
import type { Feature, FeatureValue, Instant, Plan, PlanGroup, PriceList } from './plan.ts';

/** The group of a plan that names none: a list without groups sells one subscription per customer. */
export const usualGroup = 'main';

/** Statuses in which a subscription still binds the customer; the unique index `subscription_live` names the same ones. */
export const liveStatuses = ['active', 'trialing', 'past_due', 'unpaid', 'paused', 'incomplete'] as const;

export function isLiveStatus(status: string): boolean {
  return liveStatuses.some((live) => live === status);
}

/** What is known of a subscription makes it the one that entitles in its group: it is live, and no second sale. */
export function isBase({ status, superseded }: { status: string; superseded: boolean }): boolean {
  return isLiveStatus(status) && !superseded;
}

/** `route_maps` → `Route maps`: what a group without a name is called. */
export function groupWords(group: string): string {
  const words = group.replaceAll('_', ' ');
  return words.slice(0, 1).toUpperCase() + words.slice(1);
}

/** Every group of a list with its name, in the order of the plans. */
export function namedGroups(list: Pick<PriceList, 'groups' | 'plans'>): PlanGroup[] {
  const named = new Map(list.groups?.map(({ id, name }) => [id, name]));
  return groupsOf(list).map((id) => ({ id, name: named.get(id) ?? groupWords(id) }));
}

/** The groups of a list, in its order. */
export function groupsOf(list: { plans: readonly Pick<Plan, 'group'>[] }): string[] {
  return [...new Set(list.plans.flatMap((plan) => plan.group ?? []))];
}

/** A subscription as the choice among a customer's needs it. */
export interface Sold {
  id: string;
  group: string;
  status: string;
  created_at: Instant;
  /** It is known here already as the one that entitles the customer in its group. */
  entitles_here: boolean;
}

/**
 * Of the live subscriptions of one group one entitles: a paid-for one before an incomplete one, then the oldest, then the one
 * that entitles here already: Stripe counts whole seconds, and what a customer uses is not undone for one of the same second.
 * The others of its group are a second sale of the same thing; those of other groups are none of its concern.
 */
export function chooseBases(seen: readonly Sold[]): { bases: string[]; duplicates: string[] } {
  const live = seen
    .filter(({ status }) => isLiveStatus(status))
    .toSorted(
      (a, b) =>
        Number(a.status === 'incomplete') - Number(b.status === 'incomplete') ||
        a.created_at - b.created_at ||
        Number(b.entitles_here) - Number(a.entitles_here) ||
        (a.id < b.id ? -1 : 1),
    );
  const bases = live.filter(({ group }, index) => live.findIndex((each) => each.group === group) === index);
  const duplicates = live.filter((each) => !bases.includes(each));
  return { bases: bases.map(({ id }) => id), duplicates: duplicates.map(({ id }) => id) };
}

/** What a subscription measures from an instant on, until its terms change or it ends. */
export interface MeasuredMeters {
  group: string;
  from_at: Instant;
  /** Null while it goes on. */
  ended_at: Instant | null;
  meters: readonly string[];
}

/**
 * Meters that an older subscription of another group measures already when this one begins to. The price list does not let two
 * groups have one meter, but versions from before it did may be held: then the older one bills it, and nobody pays twice.
 */
export function measuredElsewhere(older: readonly MeasuredMeters[], own: Omit<MeasuredMeters, 'ended_at'>): string[] {
  const running = older.filter(
    ({ group, from_at, ended_at }) =>
      group !== own.group && from_at <= own.from_at && (ended_at === null || ended_at > own.from_at),
  );
  return own.meters.filter((meter) => running.some(({ meters }) => meters.includes(meter)));
}

/** Of several subscriptions, what the customer may do at all: what the best of them grants. */
export function bestAccess(all: readonly Access[]): Access {
  if (all.includes('granted')) return 'granted';
  return all.includes('past_due') ? 'past_due' : 'inactive';
}

/** What a plan that says nothing has of each feature that is not measured. */
export function standardFeatures(features: readonly Feature[]): Record<string, FeatureValue> {
  return Object.fromEntries(
    features.flatMap((feature): [string, FeatureValue][] =>
      feature.type === 'metered' ? [] : [[feature.id, feature.type === 'config' ? feature.default : false]],
    ),
  );
}

/** The features of several plans at once: a feature is set in one group, and what is set counts over what is standard. */
export function mergeFeatures(
  plans: readonly Pick<Plan, 'features'>[],
  standard: Readonly<Record<string, FeatureValue>>,
): Record<string, FeatureValue> {
  const merged: Record<string, FeatureValue> = {};
  for (const { features } of plans)
    for (const [id, value] of Object.entries(features))
      if (merged[id] === undefined || merged[id] === (standard[id] ?? false)) merged[id] = value;
  return merged;
}

/**
 * What two groups of a list both claim: a meter that both include or price, a feature that both set. A customer may have a plan
 * of each, and then nobody could say by which a unit is billed.
 */
export function groupFaults({ plans, features }: Pick<PriceList, 'plans' | 'features'>): PlanFault[] {
  const faults: PlanFault[] = [];
  const standard = standardFeatures(features);
  const owners = new Map<string, { plan: string; group: string }>();
  for (const plan of plans) {
    const set = Object.keys(plan.features).filter((id) => plan.features[id] !== (standard[id] ?? false));
    const claims = [...plan.usage.map(({ meter_id }) => `usage.${meter_id}`), ...set.map((id) => `features.${id}`)];
    for (const group of groupsOfPlan(plans, plan))
      for (const claim of claims) {
        const owner = owners.get(claim);
        if (owner === undefined) owners.set(claim, { plan: plan.id, group });
        else if (owner.group !== group)
          faults.push({ path: `plans.${plan.id}.${claim}`, message: faultOf(claim, plan.id, group, owner) });
      }
  }
  return faults;
}

function faultOf(claim: string, plan: string, group: string, owner: { plan: string; group: string }): string {
  const thing = claim.startsWith('usage.') ? 'a meter is included and priced' : 'a feature is set';
  const other =
    owner.plan === plan
      ? `goes with plans of the groups "${owner.group}" and "${group}"`
      : `is of "${owner.plan}" in the group "${owner.group}" already`;
  return `${other}, and ${thing} in one group only ("${plan}" is in "${group}")`;
}

/** An add-on is of the groups of those plans that it can be added to. */
function groupsOfPlan(plans: readonly Plan[], plan: Plan): string[] {
  if (plan.group !== null) return [plan.group];
  return groupsOf({ plans: plan.adds_to.length === 0 ? plans : plans.filter(({ id }) => plan.adds_to.includes(id)) });
}
