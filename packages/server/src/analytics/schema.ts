import { z } from '@hono/zod-openapi';

const count = z.int().nonnegative();
const plan = z.object({ plan_id: z.string(), plan_name: z.string(), subscriptions: count });
const total = z.object({ currency: z.string(), mrr_minor: z.int(), subscriptions: count });

export const overviewSchema = z
  .object({
    customers: count,
    live_subscriptions: count,
    mrr: z.array(total),
    requests_24h: count,
    stripe_events: z.object({ received: count, done: count, ignored: count, parked: count }),
    plans: z.array(plan),
  })
  .openapi('Overview');

export const revenueSchema = z
  .object({
    object: z.literal('revenue'),
    currencies: z.array(total.extend({ arr_minor: z.int(), plans: z.array(plan.extend({ mrr_minor: z.int() })) })),
  })
  .openapi('Revenue');
