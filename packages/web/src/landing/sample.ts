import { gateHeaders, header, nthPeriod, type Verification } from '@farebox/core';
import { shownPrice } from '../features/plan/plan-price.ts';
import { exampleUrl } from '../lib/example-url.ts';
import { formatCount } from '../lib/format.ts';
import type { PublicPlan, PublicSeller } from '../lib/wire.ts';

/** The command of the code sample, line by line. */
export function sampleCommand(seller: PublicSeller): string[] {
  const key = seller.key_prefix ? `${seller.key_prefix}_${seller.livemode ? 'live' : 'test'}_8Kq2…` : '$API_KEY';
  return [`curl -i "${exampleUrl(seller)}"`, `-H "Authorization: Bearer ${key}"`];
}

const shown = [header.rateLimitPolicy, header.rateLimit, header.quotaRemaining, header.cost];

/** What the gate adds to the answer of a first request with a key of this plan: made by the gate's own code. */
export function sampleHeaders(plan: PublicPlan): [name: string, value: string][] {
  const headers = gateHeaders(firstRequest(plan), 0);
  return shown.flatMap((name) => {
    const value = headers[name];
    return value === undefined ? [] : [[name, value.replaceAll(', ', ',\n  ')]];
  });
}

/** What is left after that request, in words. */
export function sampleLeft(plan: PublicPlan): string | null {
  const quota = plan.usage[0];
  return quota ? formatCount(quota.included - 1) : null;
}

/** The decision on the first request of a period, at instant 0. */
function firstRequest(plan: PublicPlan): Verification {
  const usage = plan.usage[0];
  const { currency } = shownPrice(plan);
  const interval = usage?.interval ?? 'month';
  const { start_at, end_at } = nthPeriod(Date.UTC(1970, 3, 1), interval, 0);
  return {
    valid: true,
    code: 'VALID',
    detail: '',
    request_id: '',
    key_id: null,
    customer_id: null,
    plan_id: plan.id,
    scopes: [],
    features: {},
    limits: plan.limits.map((limit) => ({ ...limit, remaining: limit.limit - 1, reset_at: limit.window_ms })),
    quota: usage
      ? {
          meter_id: usage.meter_id,
          kind: usage.quota,
          included: usage.included,
          used: 1,
          remaining: usage.included - 1,
          reset_at: end_at - start_at,
          interval,
        }
      : null,
    cost_decimal: '0',
    currency,
    retry_after_s: null,
    payment: null,
  };
}
