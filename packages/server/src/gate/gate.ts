import {
  type AccessPolicy,
  type Asking,
  type DecisionRequest,
  type DecisionRules,
  type Endpoint,
  type Entry,
  type Feature,
  type GateUsage,
  type Instant,
  type Meter,
  type TakeResult,
  type Verification,
  conclude,
  endpointOf,
  parseKey,
  partOf,
  placesId,
  prepare,
  standardFeatures,
  takesOf,
  unknownKey,
  usedBy,
} from '@farebox/core';
import { createId } from '../lib/id.ts';
import { Problem } from '../problem.ts';
import type { Clock, Counter } from '../ports.ts';

export type Gate = ReturnType<typeof createGate>;

/** Where the gate's knowledge comes from. A promise only when it has to be read first. */
export interface Entries {
  get(token: string): Entry | null | Promise<Entry | null>;
  /** Whether a text that is no key of ours may be one that came from another system. */
  isForeign(): boolean;
  getForeign(token: string): Entry | null | Promise<Entry | null>;
}

export interface VerifyRequest extends DecisionRequest {
  /** The key as it was sent. */
  token: string;
  /** The name of the decision and of the usage event it makes: unique. */
  request_id?: string | undefined;
  /** When given, keys of the other mode do not exist. */
  livemode?: boolean | undefined;
}

/** Longer texts are no keys of anybody's. */
const mostForeignText = 256;

type Adopt = (token: string) => Promise<boolean>;

/**
 * The decision on one request: who is it, may they, how much is left, what does it cost. Synchronous as long as the key is
 * known and the counter is in this process. Writes nothing but counts; what was used is handed to `record`, who was here to
 * `used`. Rejects only when a key cannot be looked up.
 */
export function createGate(deps: {
  entries: Entries;
  counter: Counter;
  clock: Clock;
  record: (usage: GateUsage) => void;
  /** Hears of every admitted key, whether or not it used something. */
  used?: (keyId: string, at: Instant) => void;
  /** Asks the seller's former system for a key that is not known; true when it is known now. */
  adopt?: Adopt;
  /** Finds what the seller's API says of a request; null where it says nothing. */
  match?: (method: string, path: string) => Endpoint | null;
  /** Where a customer that is refused for a limit can have more. */
  upgrade_url?: string;
  brand: string;
  policy: AccessPolicy;
  /** Of the price list: meters a request may name, and what a plan that says nothing has of each feature. */
  meters?: readonly Meter[];
  features?: readonly Feature[];
}) {
  const { entries, counter, clock, policy, brand } = deps;
  const rules: DecisionRules = {
    policy,
    match: deps.match ?? null,
    meters: deps.meters?.map(({ id }) => id) ?? null,
    features: standardFeatures(deps.features ?? []),
    upgrade_url: deps.upgrade_url ?? null,
  };

  function verify(request: VerifyRequest): Verification | Promise<Verification> {
    const entry = find(request.token);
    return entry instanceof Promise ? entry.then((found) => decide(request, found)) : decide(request, entry);
  }

  /** The key, whoever it was made by; null where there is none. */
  function find(token: string): Entry | null | Promise<Entry | null> {
    // A mistyped or invented key costs a checksum and no look-up.
    return parseKey(token, brand) === null ? findForeign(token) : entries.get(token);
  }

  /** A text that is none of ours is a key where keys came from another system, or one that is asked knows it. */
  function findForeign(token: string): Entry | null | Promise<Entry | null> {
    if (token === '' || token.length > mostForeignText || !isForeign()) return null;
    const entry = entries.getForeign(token);
    return deps.adopt === undefined ? entry : adopted(token, entry, deps.adopt);
  }

  function isForeign(): boolean {
    return deps.adopt !== undefined || entries.isForeign();
  }

  async function adopted(token: string, first: Entry | null | Promise<Entry | null>, adopt: Adopt) {
    const entry = await first;
    if (entry !== null || !(await adopt(token))) return entry;
    return await entries.getForeign(token);
  }

  function decide(request: VerifyRequest, key: Entry | null): Verification | Promise<Verification> {
    const now = clock.now();
    const request_id = request.request_id ?? createId('req', now);
    if (key === null || (request.livemode !== undefined && request.livemode !== key.livemode))
      return unknownKey(request_id);
    const asking = prepare(key, request, rules, { now, request_id });
    if (asking.type === 'unknown_meter') throw unknownMeter(asking.meters);
    if (asking.type === 'refused') return asking.verification;
    const taken = counter.take(asking.takes, asking.cost, now);
    return taken instanceof Promise ? taken.then((result) => answer(asking, result)) : answer(asking, taken);
  }

  function answer(asking: Asking, taken: TakeResult): Verification {
    if (taken.unavailable === true) throw uncounted();
    const verification = conclude(asking, taken, rules);
    if (!verification.valid) return verification;
    const usage = usedBy(asking);
    if (usage !== null) deps.record(usage);
    deps.used?.(asking.entry.key_id, asking.now);
    return verification;
  }

  /** More than a limit has left is counted too: it was used. */
  async function measure(request: VerifyRequest, units: number): Promise<void> {
    const isOurs = parseKey(request.token, brand) !== null;
    const key = await (isOurs ? entries.get(request.token) : entries.getForeign(request.token));
    if (key === null || request.request_id === undefined || units <= 0) return;
    const now = clock.now();
    const matched = endpointOf(request, rules);
    const entry = partOf(key, request.meter_id ?? matched?.meter_id ?? null, now, policy);
    if (entry === null || entry.plan === null) return;
    const { takes, quota } = takesOf(entry, now, { rate_percent: 100, endpoint: null });
    if (quota === null) return;
    const soft = takes.flatMap((take) => (take.kind === 'quota' ? [{ ...take, hard: false }] : []));
    await counter.take(soft, units, now);
    const { customer_id, key_id } = entry;
    const endpoint = request.endpoint ?? matched?.name ?? '';
    const { meter_id } = quota.usage;
    const id = `${request.request_id}_more`;
    deps.record({ id, customer_id, key_id, meter_id, quantity: units, occurred_at: now, endpoint });
  }

  return {
    verify,
    /**
     * Counts what an admitted request turned out to have used beyond its cost: in the quota, the key's budget of the period
     * and the usage, not in windows, which are about requests.
     */
    measure,
    endpointOf: (request: VerifyRequest) => endpointOf(request, rules),
    /** Whether what a request costs and needs depends on its path. */
    reads_paths: deps.match !== undefined,
    /** Gives a place among the requests at the same time back. A name that is none, or of a place that ran out, is no fault. */
    async release(lease: string): Promise<void> {
      const at = lease.indexOf('.');
      if (at > 0) await counter.release(placesId(lease.slice(0, at)), lease.slice(at + 1));
    },
    find,
    isForeign,
    rules,
    brand,
    used: deps.used,
  };
}

/** A name that nobody sells by is the mistake of who asks, and not the customer's. */
function unknownMeter(meters: readonly string[]): Problem {
  const detail = `meter: There is no such meter. There are: ${meters.join(', ')}.`;
  return new Problem('invalid_request', detail, { param: 'meter' });
}

/** A limit that is closed while nobody counts for all processes. */
function uncounted(): Problem {
  return new Problem(
    'gate_unavailable',
    'A limit of this customer cannot be counted at the moment, and nothing passes uncounted. Try again.',
  );
}
