import {
  type Access,
  type AccessPolicy,
  type Alert,
  type DunningState,
  type FeatureCode,
  type FeatureState,
  type Instant,
  type PricedPlan,
  type QuotaUse,
  type SubscriptionState,
  accessOf,
  alertsOf,
  bestAccess,
  decideFeatureAmong,
  dunningAt,
  mergeFeatures,
  periodAt,
  standardFeatures,
  strictest,
} from '@farebox/core';
import type { ListedCustomer } from '../customers/store.ts';
import type { Database } from '../db/database.ts';
import type { PlanFeature, Plans } from '../plans/service.ts';
import type { Clock } from '../ports.ts';
import { Problem } from '../problem.ts';
import { effectivePlan } from '../subscriptions/effective.ts';
import { type SubscriptionWithPlan, liveWithPlans } from '../subscriptions/store.ts';
import type { Usage } from '../usage/service.ts';

/** One feature of the price list, as it is for one customer now. */
export interface Entitlement extends FeatureState {
  feature: Omit<PlanFeature, 'enabled'>;
}

/** What a customer owes on invoices that are open. */
export interface Owed {
  subscription_id: string | null;
  currency: string;
  amount_minor: number;
  action_required: boolean;
}

export interface CustomerState {
  customer: ListedCustomer;
  /** One in each group, the oldest first. */
  subscriptions: SubscriptionWithPlan[];
  /** The best of what they grant. */
  access: Access;
  /** Of those that owe, the one that is furthest along. */
  dunning:
    | (DunningState & { group: string; steps: { step: DunningState['step']; rate_percent: number; at: Instant }[] })
    | null;
  entitlements: Entitlement[];
  owed: Owed[];
  alerts: CustomerAlert[];
}

/** An alert, and the group of the subscription it is about. */
export interface CustomerAlert extends Alert {
  group: string;
}

/** A live subscription, and what it grants now. */
interface Held {
  row: SubscriptionWithPlan;
  access: Access;
  quotas: QuotaUse[];
}

const dayMs = 86_400_000;

/** What customers may use now. Read from what is stored, and nothing is taken. */
export function createEntitlements(deps: {
  db: Pick<Database, 'kysely'>;
  clock: Clock;
  policy: AccessPolicy;
  plans: Pick<Plans, 'featuresOf' | 'list'>;
  usage: Pick<Usage, 'flush' | 'summary'>;
  findCustomer(id: string): Promise<ListedCustomer>;
  owedBy(customerId: string): Promise<Owed[]>;
}) {
  const { db, clock, plans, policy } = deps;

  /** With the plan as it counts for this customer. */
  async function heldBy(customerId: string): Promise<Held[]> {
    const now = clock.now();
    const held: Held[] = [];
    for (const row of await liveWithPlans(db.kysely, customerId)) {
      const plan = await effectivePlan(db.kysely, row, now);
      held.push({
        row: { ...row, plan },
        access: accessOf(stateOf(row), now, policy),
        quotas: await quotasOf(row, plan),
      });
    }
    return held;
  }

  async function quotasOf(row: SubscriptionWithPlan, plan: PricedPlan): Promise<QuotaUse[]> {
    // A first payment is still to be made, and no period has begun.
    if (row.status === 'incomplete') return [];
    await deps.usage.flush();
    const { meters } = await deps.usage.summary(row.customer_id, row.group);
    return meters.map(({ meter_id, quota: kind, included, quantity: used, remaining }) => {
      const interval = plan.usage.find((usage) => usage.meter_id === meter_id)?.interval ?? plan.price.interval;
      const { end_at } = periodAt(row.billing_anchor_at.getTime(), interval, clock.now());
      return { meter_id, kind, included, used, remaining, reset_at: end_at };
    });
  }

  /** What these plans have together; `quotas` may be those of more. Without a subscription every feature is off. */
  function entitled(rows: readonly SubscriptionWithPlan[], quotas: readonly QuotaUse[]): Entitlement[] {
    const own = rows.map(({ plan }) => plan);
    const features = mergeFeatures(own, standardFeatures(plans.list.features));
    const together = plans.featuresOf({ features, usage: own.flatMap(({ usage }) => usage) });
    return together.map(({ enabled, ...feature }) => {
      const of = plans.list.features.find(({ id }) => id === feature.id);
      const quota = of?.type === 'metered' ? (quotas.find(({ meter_id }) => meter_id === of.meter_id) ?? null) : null;
      const is_on = rows.length > 0 && enabled;
      return { feature: { ...feature, value: is_on ? feature.value : null }, enabled: is_on, quota };
    });
  }

  async function look(customerId: string) {
    const customer = await deps.findCustomer(customerId);
    const held = await heldBy(customerId);
    const granted = held.filter(({ access }) => access === 'granted').map(({ row }) => row);
    const quotas = held.flatMap((each) => each.quotas);
    return { customer, held, entitlements: entitled(granted, quotas) };
  }

  /** By the id of a feature, or of a meter that no feature names, as one subscription has it. */
  function featureOf(
    { row, quotas }: Held,
    known: { id: string } | undefined,
    meterId: string | undefined,
  ): FeatureState {
    const quota = quotas.find(({ meter_id }) => meter_id === meterId) ?? null;
    if (known === undefined) return { enabled: quota !== null, quota };
    return entitled([row], quotas).find(({ feature }) => feature.id === known.id) ?? { enabled: false, quota };
  }

  return {
    async list(customerId: string): Promise<Entitlement[]> {
      return (await look(customerId)).entitlements;
    },

    async check(
      customerId: string,
      asked: { feature_id: string; quantity: number },
    ): Promise<{ code: FeatureCode; quota: QuotaUse | null }> {
      const { held } = await look(customerId);
      const known = plans.list.features.find(({ id }) => id === asked.feature_id);
      const meter = plans.list.meters.find(({ id }) => id === asked.feature_id);
      if (known === undefined && meter === undefined) {
        const names = [...plans.list.features, ...plans.list.meters].map(({ id }) => id).join(', ');
        throw new Problem('invalid_request', `feature_id: There is no such feature. There are: ${names}.`, {
          param: 'feature_id',
        });
      }
      const states = held.map((each) => ({ access: each.access, feature: featureOf(each, known, meter?.id) }));
      const quota = states.find(({ feature }) => feature.quota !== null)?.feature.quota ?? null;
      return { code: decideFeatureAmong(states, asked.quantity), quota };
    },

    async state(customerId: string): Promise<CustomerState> {
      const { customer, held, entitlements } = await look(customerId);
      const owed = await deps.owedBy(customerId);
      const owing = held.flatMap(({ row }) => dunningOf(row) ?? []);
      return {
        customer,
        subscriptions: held.map(({ row }) => row),
        access: bestAccess(held.map(({ access }) => access)),
        dunning: strictest(owing),
        entitlements,
        owed,
        alerts: held.flatMap((each) => alertsFor(each, owed)),
      };
    },
  };

  function dunningOf(row: SubscriptionWithPlan): CustomerState['dunning'] {
    const since = owesSince(row);
    const stage = since === null ? null : dunningAt(policy.dunning, since, clock.now());
    return since === null || stage === null ? null : { ...stage, group: row.group, steps: stepsFrom(since) };
  }

  function stepsFrom(since: Instant) {
    return policy.dunning.map(({ step, rate_percent, after_days }) => ({
      step,
      rate_percent,
      at: since + after_days * dayMs,
    }));
  }

  function alertsFor({ row, quotas }: Held, owed: readonly Owed[]): CustomerAlert[] {
    const since = owesSince(row);
    const facts = {
      past_due_since_at: row.past_due_since_at?.getTime() ?? null,
      blocked_at: since === null ? null : (stepsFrom(since).find(({ step }) => step === 'block')?.at ?? null),
      action_required: owed.some(
        ({ subscription_id, action_required }) => action_required && subscription_id === row.id,
      ),
      cancel_at: row.cancel_at?.getTime() ?? null,
      trial_end_at: row.trial_end_at?.getTime() ?? null,
      card: row.card,
      next_payment_at: row.cancel_at !== null ? null : row.current_period_end_at.getTime(),
      quotas,
    };
    return alertsOf(facts, clock.now()).map((alert) => ({ ...alert, group: row.group }));
  }
}

/** When the payment failed that is owed; null when none is. */
function owesSince(row: SubscriptionWithPlan): Instant | null {
  return row.status === 'past_due' ? (row.past_due_since_at ?? row.current_period_end_at).getTime() : null;
}

function stateOf(row: SubscriptionWithPlan): SubscriptionState {
  const instant = (at: Date | null) => at?.getTime() ?? null;
  return {
    status: row.status,
    current_period_end_at: row.current_period_end_at.getTime(),
    cancel_at: instant(row.cancel_at),
    ended_at: instant(row.ended_at),
    past_due_since_at: instant(row.past_due_since_at),
  };
}
