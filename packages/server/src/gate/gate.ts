import {
  type AccessPolicy,
  type Decided,
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
  createDecided,
  endpointOf,
  parseKey,
  partOf,
  placesId,
  prepare,
  standardFeatures,
  takesOf,
  unknownKey,
  verificationOf as describe,
} from '@farebox/core';
import { createRequestId } from '../lib/id.ts';
import { Problem } from '../problem.ts';
import type { Clock, Counter } from '../ports.ts';

export type Gate = ReturnType<typeof createGate>;

/** Where the gate's knowledge comes from. A promise only when it has to be read first. */
export interface Entries {
  /** The entry of a key that was found lately, whoever made it; null: it has to be looked up. */
  remembered(token: string): Entry | null;
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
  /** Copies what it keeps: the next decision writes over it. Its `id` is empty where the request has no name. */
  record: (usage: Readonly<GateUsage>) => void;
  /** Hears of every admitted key, whether or not it used something. */
  used?: (keyId: string, at: Instant) => void;
  /** Hears of every request that a limit refused; copies what it keeps. */
  limited?: (decided: Decided) => void;
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

  /** Used by one decision after the other. One that waits keeps it, and those that come meanwhile get another. */
  let spare = createDecided();
  const usage: GateUsage = {
    id: '',
    customer_id: '',
    key_id: '',
    meter_id: '',
    quantity: 0,
    occurred_at: 0,
    endpoint: '',
  };

  /** The whole answer, to be kept as long as one likes. */
  function verify(request: VerifyRequest): Verification | Promise<Verification> {
    const decided = decide(request);
    return decided instanceof Promise ? decided.then(verificationOf) : verificationOf(decided);
  }

  /** What was decided, without the objects of an answer. One that is there at once is good until the gate decides again. */
  function decide(request: VerifyRequest): Decided | Promise<Decided> {
    const entry = find(request.token);
    return entry instanceof Promise ? decideLater(request, entry) : decideFor(request, entry);
  }

  // Closures stand in functions of their own: one that could make them allocates what they see, whether it makes them or not.

  async function decideLater(request: VerifyRequest, entry: Promise<Entry | null>) {
    const found = await entry;
    const decided = decideFor(request, found);
    return decided instanceof Promise ? decided : kept(decided);
  }

  function kept(decided: Decided): Decided {
    if (decided === spare) spare = createDecided();
    return decided;
  }

  async function answerLater(decided: Decided, taken: Promise<TakeResult>, now: Instant): Promise<Decided> {
    spare = createDecided();
    return answer(decided, await taken, now);
  }

  /** An answer made from it: here a decision that nobody named before gets its name. */
  function verificationOf(decided: Decided): Verification {
    if (decided.request_id === '') decided.request_id = createRequestId(decided.now);
    return describe(decided, rules);
  }

  /** The key, whoever it was made by; null where there is none. */
  function find(token: string): Entry | null | Promise<Entry | null> {
    const known = entries.remembered(token);
    if (known !== null) return known;
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

  function decideFor(request: VerifyRequest, key: Entry | null): Decided | Promise<Decided> {
    const now = clock.now();
    const decided = spare;
    decided.now = now;
    decided.request_id = request.request_id ?? (request.releases === true ? createRequestId(now) : '');
    if (key === null || (request.livemode !== undefined && request.livemode !== key.livemode))
      return unknownKey(decided);
    const prepared = prepare(decided, key, request, rules, now);
    if (prepared === 'unknown_meter') throw unknownMeter(rules.meters ?? []);
    if (prepared === 'refused') return decided;
    const taken = counter.take(decided.takes, decided.cost, now, decided.room);
    return taken instanceof Promise ? answerLater(decided, taken, now) : answer(decided, taken, now);
  }

  function answer(decided: Decided, taken: TakeResult, now: Instant): Decided {
    if (taken.unavailable === true) throw uncounted();
    decided.taken = taken;
    const { entry, asked } = decided;
    if (!taken.allowed) deps.limited?.(decided);
    if (!taken.allowed || entry === null || asked === null) return decided;
    if (asked.quota !== null && decided.cost > 0) {
      usage.id = decided.request_id;
      usage.customer_id = entry.customer_id;
      usage.key_id = entry.key_id;
      usage.meter_id = asked.quota.usage.meter_id;
      usage.quantity = decided.cost;
      usage.occurred_at = now;
      usage.endpoint = decided.endpoint;
      deps.record(usage);
    }
    deps.used?.(entry.key_id, now);
    return decided;
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
    const { takes, quota } = takesOf(entry, now, 100, null);
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
    decide,
    /** The answer that `verify` gives, of what `decide` decided. */
    verificationOf,
    /** What was decided at once, for longer than until the gate decides again. */
    kept,
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
    limited: deps.limited,
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
