import type { Plan, PriceList } from '@farebox/core';
import { createPlans } from '../src/plans/service.ts';
import type { TestApp } from './harness.ts';

/** Publishes the running list with one plan changed, as `farebox push` does, and waits until Stripe has it. */
export async function publishChanged(farebox: TestApp, planId: string, change: (plan: Plan) => Plan): Promise<void> {
  const plans = farebox.list.plans.map((plan) => (plan.id === planId ? change(plan) : plan));
  const list: PriceList = { ...farebox.list, plans };
  const clock = { now: () => farebox.sandbox.clock.now() };
  await createPlans({ db: farebox.db, clock, queue: farebox.app.queue, list, told: farebox.app.planTold }).publish();
  await farebox.app.settle();
}

/** The same plan for another amount. */
export function dearer(amount_minor: number): (plan: Plan) => Plan {
  return (plan) => ({ ...plan, prices: plan.prices.map((price) => ({ ...price, amount_minor })) });
}
