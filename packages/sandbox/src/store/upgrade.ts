import { nothing } from '../resources/portal/portal-features.ts';

/** What records of a kind lack when an earlier version of the sandbox wrote them. */
const defaults: Record<string, object> = {
  customer: { test_clock: null },
  fault: { meter_code: 'meter_event_customer_not_found' },
  job: { clock: null },
  portal_configuration: { features: nothing, login_token: null },
  portal_session: { after_expiration: null, flow: { confirm: null, retention: null } },
  setting: { chaos: null, dunning: null },
  webhook_endpoint: { old_secret: null },
};

/** A setting under whose chaos nothing was cut. */
const chaotic = { chaos: { truncate: 0 }, dunning: null };

function isHash(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A hash with what it lacks, also in the hashes inside it. */
function filled(missing: object, record: Record<string, unknown>): Record<string, unknown> {
  const whole = { ...record };
  for (const [key, value] of Object.entries(missing)) {
    const has = record[key];
    if (has === undefined) whole[key] = value;
    else if (isHash(value) && isHash(has)) whole[key] = filled(value, has);
  }
  return whole;
}

/** A record from a journal as this version knows it. */
export function upgraded(kind: string, record: unknown): unknown {
  const missing = kind === 'setting' && isHash(record) && isHash(record['chaos']) ? chaotic : defaults[kind];
  return missing === undefined || !isHash(record) ? record : filled(missing, record);
}
