import type { Instant, Plan } from '@farebox/core';
import type { OpenAPIHono } from '@hono/zod-openapi';
import type { Database } from '../src/db/database.ts';
import { createErrorAnswer, createNotFoundAnswer } from '../src/http/answer.ts';
import { createBodyReader } from '../src/http/body.ts';
import type { AppEnv, Principal } from '../src/http/principal.ts';
import { createRequestId } from '../src/http/request-id.ts';
import { router } from '../src/http/router.ts';
import { createId } from '../src/lib/id.ts';
import { createLog } from '../src/lib/log.ts';
import { archiveVersion, insertVersion } from '../src/plans/store.ts';
import type { Clock } from '../src/ports.ts';
import { rawBodies } from '../src/routes.ts';
import { watched } from './contract.ts';

/** A plan with a window of each usual length and a soft quota; what a test is about, it says. */
export function planOf(changes: Partial<Plan> = {}): Plan {
  return {
    id: 'pro',
    name: 'Pro',
    description: '',
    highlighted: false,
    group: 'main',
    adds_to: [],
    customer: null,
    prices: [{ amount_minor: 9900, currency: 'usd', interval: 'month', setup_fee_minor: 0 }],
    seats: null,
    trial: null,
    usage: [
      {
        meter_id: 'requests',
        included: 1000,
        quota: 'soft',
        interval: 'month',
        overage: { usd: { type: 'per_unit', unit_price_decimal: '0.08' } },
      },
    ],
    limits: [
      { name: '1s', limit: 10, window_ms: 1000 },
      { name: '1m', limit: 300, window_ms: 60_000 },
    ],
    features: { history: true },
    ...changes,
  };
}

/** Rows as the slices that own them leave them: customers, plans and what customers bought. */
export function createSubscribers(db: Database, clock: Clock) {
  let count = 0;
  async function customer(): Promise<string> {
    count += 1;
    const now = clock.now();
    const id = createId('cust', now);
    const email = `person${count}@example.test`;
    await db.kysely
      .insertInto('customer')
      .values({ id, name: `Customer ${count}`, email, created_at: new Date(now) })
      .execute();
    return id;
  }

  async function subscribe(
    customerId: string,
    plan: Plan,
    options: { status?: string; billing_anchor_at?: Instant; past_due_since_at?: Instant } = {},
  ): Promise<string> {
    count += 1;
    const now = clock.now();
    const version = createId('planv', now);
    const id = createId('subs', now);
    const anchor = options.billing_anchor_at ?? now;
    const past_due = options.past_due_since_at;
    const at = new Date(now);
    const prices = plan.prices.map((price) => ({ id: createId('pprc', now), price }));
    await insertVersion(
      db.kysely,
      { id: version, plan_id: plan.id, version: count, content: plan, content_hash: version, published_at: at },
      prices,
    );
    await archiveVersion(db.kysely, plan.id, at);
    await db.kysely
      .insertInto('subscription')
      .values({
        id,
        customer_id: customerId,
        group: plan.group ?? 'main',
        plan_version_id: version,
        plan_price_id: prices[0]?.id ?? '',
        stripe_subscription_id: `sub_${id}`,
        status: options.status ?? 'active',
        billing_anchor_at: new Date(anchor),
        current_period_start_at: new Date(anchor),
        current_period_end_at: new Date(anchor + 31 * 86_400_000),
        past_due_since_at: past_due === undefined ? null : new Date(past_due),
        stripe_created_at: new Date(now),
        fetched_at: new Date(now),
        created_at: new Date(now),
      })
      .execute();
    return id;
  }

  return {
    customer,
    subscribe,
    /** A customer on a plan. */
    async subscriber(plan: Plan = planOf()): Promise<string> {
      const id = await customer();
      await subscribe(id, plan);
      return id;
    },
    async bump(): Promise<void> {
      await db.kysely
        .updateTable('gate_version')
        .set((eb) => ({ version: eb('version', '+', 1) }))
        .execute();
    },
  };
}

/** Some routes behind the middleware they run behind in the program, called by whoever `as` says. */
export function createTestApp(options: { clock: Clock; routes: readonly OpenAPIHono<AppEnv>[] }) {
  const app = router();
  app.onError(createErrorAnswer(createLog('silent')));
  app.notFound(createNotFoundAnswer(() => app.routes));
  app.use(createRequestId(options));
  app.use(createBodyReader({ except: rawBodies }));
  let caller: Principal = { type: 'anonymous' };
  let client_ip: string | null = null;
  app.use(async (c, next) => {
    c.set('principal', caller);
    c.set('client_ip', client_ip);
    await next();
  });
  for (const routes of options.routes) app.route('/', routes);
  app.fetch = watched(app.fetch);

  async function call(
    principal: Principal,
    method: string,
    path: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ) {
    caller = principal;
    const text = typeof body === 'string' ? body : JSON.stringify(body);
    const init =
      body === undefined
        ? { method, headers }
        : { method, headers: { 'content-type': 'application/json', ...headers }, body: text };
    return await app.request(path, init);
  }

  /** The address later calls come from, as the server found it. */
  function from(ip: string | null): void {
    client_ip = ip;
  }

  return { app, call, from };
}

export const seller: Principal = { type: 'seller', secret_key_id: 'sk_test', livemode: false };

export function member(customer_id: string): Principal {
  return { type: 'customer', customer_id, user_id: 'user_1', role: 'owner' };
}
