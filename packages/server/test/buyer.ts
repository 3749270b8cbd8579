import { dayMs, type TestApp } from './harness.ts';
import { buy } from './two-groups.ts';

/** Somebody new who has just bought a plan on Stripe's page. */
export async function buyerOf(farebox: TestApp, plan_id = 'starter', email?: string) {
  const visitor = await farebox.signUp(email);
  const { customer_id } = await buy(visitor, plan_id);
  return { visitor, customer_id: String(customer_id) };
}

/** The clock is past the end of every monthly period that runs, and all that follows is done. */
export async function nextMonth({ app, sandbox }: TestApp): Promise<void> {
  await sandbox.clock.advance(31 * dayMs + 2 * 3_600_000);
  await app.settle();
}
