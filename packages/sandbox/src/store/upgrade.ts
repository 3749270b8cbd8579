/** What records of a kind lack when an earlier version of the sandbox wrote them. */
const defaults: Record<string, object> = {
  customer: { test_clock: null },
  job: { clock: null },
  setting: { chaos: null, dunning: null },
  webhook_endpoint: { old_secret: null },
};

/** A record from a journal as this version knows it. */
export function upgraded(kind: string, record: unknown): unknown {
  const missing = defaults[kind];
  return missing === undefined || typeof record !== 'object' || record === null ? record : { ...missing, ...record };
}
