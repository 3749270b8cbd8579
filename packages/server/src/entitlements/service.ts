import {
  type Access,
  type AccessPolicy,
  type Alert,
  type DunningState,
  type FeatureCode,
  type FeatureState,
  type Instant,
  type QuotaUse,
  type SubscriptionState,
  accessOf,
  alertsOf,
  decideFeature,
  dunningAt,
  periodAt,
} from '@farebox/core';
import type { ListedCustomer } from '../customers/store.ts';
import type { Database } from '../db/database.ts';
import type { PlanFeature, Plans } from '../plans/service.ts';
import type { Clock } from '../ports.ts';
import { Problem } from '../problem.ts';
import { effectivePlan } from '../subscriptions/effective.ts';
import { type SubscriptionWithPlan, liveSubscription, subscriptionWithPlan } from '../subscriptions/store.ts';
import type { Usage } from '../usage/service.ts';

/** One feature of the price list, as it is for one customer now. */
export interface Entitlement extends FeatureState {
  feature: Omit<PlanFeature, 'enabled'>;
}

/** What a customer owes on invoices that are open. */
export interface Owed {
  currency: string;
  amount_minor: number;
  action_required: boolean;
}

export interface CustomerState {
  customer: ListedCustomer;
  subscription: SubscriptionWithPlan | null;
  access: Access;
  dunning: (DunningState & { steps: { step: DunningState['step']; rate_percent: number; at: Instant }[] }) | null;
  entitlements: Entitlement[];
  owed: Owed[];
  alerts: Alert[];
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

  async function liveOf(customerId: string): Promise<SubscriptionWithPlan | null> {
    const live = await liveSubscription(db.kysely, customerId);
    const row = live === null ? null : await subscriptionWithPlan(db.kysely, live.id);
    return row === null ? null : { ...row, plan: await effectivePlan(db.kysely, row, clock.now()) };
  }

  async function quotasOf(row: SubscriptionWithPlan): Promise<QuotaUse[]> {
    await deps.usage.flush();
    const { meters } = await deps.usage.summary(row.customer_id);
    return meters.map(({ meter_id, quota: kind, included, quantity: used, remaining }) => {
      const interval = row.plan.usage.find((usage) => usage.meter_id === meter_id)?.interval ?? row.plan.price.interval;
      const { end_at } = periodAt(row.billing_anchor_at.getTime(), interval, clock.now());
      return { meter_id, kind, included, used, remaining, reset_at: end_at };
    });
  }

  /** Without a subscription every feature is off. */
  function entitled(row: SubscriptionWithPlan | null, access: Access, quotas: readonly QuotaUse[]): Entitlement[] {
    const features = plans.featuresOf(row?.plan ?? { features: {}, usage: [] });
    return features.map(({ enabled, ...feature }) => {
      const of = plans.list.features.find(({ id }) => id === feature.id);
      const quota = of?.type === 'metered' ? (quotas.find(({ meter_id }) => meter_id === of.meter_id) ?? null) : null;
      const is_on = row !== null && access === 'granted' && enabled;
      return { feature: { ...feature, value: is_on ? feature.value : null }, enabled: is_on, quota };
    });
  }

  async function look(customerId: string) {
    const customer = await deps.findCustomer(customerId);
    const row = await liveOf(customerId);
    const access = row === null ? 'inactive' : accessOf(stateOf(row), clock.now(), policy);
    const quotas = row === null ? [] : await quotasOf(row);
    return { customer, row, access, quotas };
  }

  return {
    async list(customerId: string): Promise<Entitlement[]> {
      const { row, access, quotas } = await look(customerId);
      return entitled(row, access, quotas);
    },

    /** By the id of a feature, or of a meter that no feature names. */
    async check(
      customerId: string,
      asked: { feature_id: string; quantity: number },
    ): Promise<{ code: FeatureCode; feature: FeatureState }> {
      const { row, access, quotas } = await look(customerId);
      const known = plans.list.features.find(({ id }) => id === asked.feature_id);
      const meter = plans.list.meters.find(({ id }) => id === asked.feature_id);
      if (known === undefined && meter === undefined) {
        const names = [...plans.list.features, ...plans.list.meters].map(({ id }) => id).join(', ');
        throw new Problem('invalid_request', `feature_id: There is no such feature. There are: ${names}.`, {
          param: 'feature_id',
        });
      }
      const quota = quotas.find(({ meter_id }) => meter_id === meter?.id) ?? null;
      const feature: FeatureState =
        known === undefined
          ? { enabled: quota !== null, quota }
          : (entitled(row, 'granted', quotas).find((each) => each.feature.id === known.id) ?? {
              enabled: false,
              quota,
            });
      return { code: decideFeature(access, feature, asked.quantity), feature };
    },

    async state(customerId: string): Promise<CustomerState> {
      const { customer, row, access, quotas } = await look(customerId);
      const now = clock.now();
      const owed = await deps.owedBy(customerId);
      const since = row?.status === 'past_due' ? (row.past_due_since_at ?? row.current_period_end_at).getTime() : null;
      const steps =
        since === null
          ? []
          : policy.dunning.map(({ step, rate_percent, after_days }) => ({
              step,
              rate_percent,
              at: since + after_days * dayMs,
            }));
      const stage = since === null ? null : dunningAt(policy.dunning, since, now);
      const alerts = alertsOf(
        {
          past_due_since_at: row?.past_due_since_at?.getTime() ?? null,
          blocked_at: steps.find(({ step }) => step === 'block')?.at ?? null,
          action_required: owed.some((invoice) => invoice.action_required),
          cancel_at: row?.cancel_at?.getTime() ?? null,
          trial_end_at: row?.trial_end_at?.getTime() ?? null,
          card: row?.card ?? null,
          next_payment_at: row === null || row.cancel_at !== null ? null : row.current_period_end_at.getTime(),
          quotas,
        },
        now,
      );
      return {
        customer,
        subscription: row,
        access,
        dunning: stage === null ? null : { ...stage, steps },
        entitlements: entitled(row, access, quotas),
        owed,
        alerts,
      };
    },
  };
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
