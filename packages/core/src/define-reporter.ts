import type { PlanFault } from './faults.ts';
import type { Meter, Plan, PlanUsage } from './plan.ts';

/** Usage that is priced reaches Stripe through its meters; what is only bounded has nothing to bill. */
export function throughMeters(usage: PlanUsage): PlanUsage {
  return usage.overage === null ? usage : { ...usage, reporter: 'meters' };
}

/**
 * What plans with the reporter `meters` sell that Stripe's Billing Meters and metered prices cannot express, each with why. Farebox
 * adds up hours and sends them; Stripe rates the sum at the end of its own period.
 */
export function reporterFaults(list: { plans: readonly Plan[]; meters: readonly Meter[] }): PlanFault[] {
  const faults: PlanFault[] = [];
  for (const plan of list.plans) {
    const metered = plan.usage.filter(({ reporter }) => reporter === 'meters');
    for (const usage of metered)
      for (const message of misfits(plan, usage, list.meters)) fault(plan, `usage.${usage.meter_id}`, message);
  }
  return faults;

  function fault(plan: Plan, at: string, message: string): void {
    faults.push({ path: `plans.${plan.id}.${at}`, message });
  }
}

function misfits(plan: Plan, usage: PlanUsage, meters: readonly Meter[]): string[] {
  const found: string[] = [];
  const meter = meters.find(({ id }) => id === usage.meter_id);
  if (meter !== undefined && meter.aggregation !== 'count' && meter.aggregation !== 'sum')
    found.push(
      `usage is sent to Stripe's meters by the hour and added up there, which "${meter.aggregation}" cannot be: leave the reporter out`,
    );
  const sold = [...new Set(plan.prices.map(({ interval }) => interval))];
  const other = sold.find((interval) => interval !== usage.interval);
  if (other !== undefined)
    found.push(
      `Stripe bills a metered price with the subscription's own period: a quota per ${usage.interval} cannot go with a price by the ${other}`,
    );
  const [price] = Object.values(usage.overage ?? {});
  if (usage.included > 0 && price?.type === 'volume')
    found.push(
      'Stripe prices all units of a volume price by the last one, the included ones too: include nothing, or use tiers',
    );
  if (usage.included > 0 && price?.type === 'package')
    found.push(
      "Stripe's packages begin with the first unit and cannot include any: include nothing, or use a unit price",
    );
  return found;
}
