import type { FaultRecord, FaultType } from '../store/machinery.ts';
import type { Store, Tx } from '../store/store.ts';
import type { MeterErrorCode } from '../store/usage-records.ts';
import { chance } from './chance.ts';

/** A fault to add: its type, and what differs from a fault that strikes the next request once. */
export interface FaultWish {
  type: FaultType;
  route?: string | null;
  card?: string | null;
  decline_code?: string;
  meter_code?: MeterErrorCode;
  when?: 'before' | 'after';
  times?: number | null;
  probability?: number;
  reason?: string;
  should_retry?: boolean | null;
  hold_ms?: number;
}

/** A fault as it is kept, with how often it was looked at and how often it struck. */
export type Fault = FaultRecord;

/** Every type of fault. */
export const faultTypes: readonly FaultType[] = [
  'decline',
  'rate_limit',
  'server_error',
  'lock_timeout',
  'timeout',
  'disconnect',
  'meter_error',
];

/** Why a meter event may be rejected. */
export const meterCodes: readonly MeterErrorCode[] = [
  'archived_meter',
  'meter_event_customer_not_found',
  'meter_event_invalid_value',
  'meter_event_no_customer_defined',
  'meter_event_value_not_found',
  'meter_event_value_too_many_digits',
  'no_meter',
  'timestamp_in_future',
  'timestamp_too_far_in_past',
];

/** The values Stripe gives `Stripe-Rate-Limited-Reason`. https://docs.stripe.com/rate-limits */
export const reasons: readonly string[] = [
  'global-rate',
  'global-concurrency',
  'endpoint-rate',
  'endpoint-concurrency',
  'resource-specific',
];

/** Longer than the SDK waits for an answer. */
const HOLD_MS = 90_000;

const reports_after: ReadonlySet<FaultType> = new Set(['server_error', 'timeout', 'disconnect']);

/** What is wrong with a wish; `null` when nothing is. */
export function faultFlaw(wish: FaultWish): string | null {
  const { type, times = 1, probability = 1, reason, hold_ms = HOLD_MS, when = 'before' } = wish;
  if (!faultTypes.includes(type)) return `The type of a fault is one of ${faultTypes.join(', ')}.`;
  if (times !== null && (!Number.isInteger(times) || times < 1)) return '`times` is a whole number from 1, or null.';
  if (!(probability > 0 && probability <= 1)) return '`probability` is more than 0 and at most 1.';
  if (when !== 'before' && when !== 'after') return '`when` is before or after.';
  if (when === 'after' && !reports_after.has(type)) return `A ${type} always comes before the request runs.`;
  if (reason !== undefined && !reasons.includes(reason)) return `\`reason\` is one of ${reasons.join(', ')}.`;
  if (wish.meter_code !== undefined && type !== 'meter_error') return '`meter_code` belongs to a meter_error.';
  if (wish.meter_code !== undefined && !meterCodes.includes(wish.meter_code)) {
    return `\`meter_code\` is one of ${meterCodes.join(', ')}.`;
  }
  if ((wish.card ?? null) !== null && type !== 'decline') return '`card` belongs to a decline.';
  if (!(hold_ms > 0 && hold_ms <= 600_000)) return '`hold_ms` is more than 0 and at most ten minutes.';
  return null;
}

/** A decline strikes charges, a meter error strikes events; the others strike whole requests. */
function strikesRequests(fault: FaultRecord): boolean {
  return fault.type !== 'decline' && fault.type !== 'meter_error';
}

/** The faults of one sandbox. */
export interface Faults {
  /** Adds a fault; it strikes the next request that it fits, once, unless told otherwise. */
  add(wish: FaultWish): Fault;
  list(): Fault[];
  /** Takes one fault away, or all; answers how many. */
  clear(id?: string): number;
  /** The fault that strikes a request to this route now, if any; it is counted. */
  strike(route: string): Fault | null;
}

/** Whether a fault is meant for a route. */
export function fits(fault: FaultRecord, route: string | null): boolean {
  if (fault.route === null) return true;
  if (route === null) return false;
  const path = route.slice(route.indexOf(' ') + 1);
  return route.startsWith(fault.route) || path.startsWith(fault.route);
}

/** Looks whether a fault strikes now, and writes down that it was asked. */
export function roll(tx: Tx, fault: FaultRecord): boolean {
  const { seed } = tx.need('setting', 'sandbox');
  const strikes = (fault.times ?? 1) > 0 && chance(seed, 'fault', fault.id, fault.seen) < fault.probability;
  tx.keep('fault', {
    ...fault,
    seen: fault.seen + 1,
    struck: fault.struck + (strikes ? 1 : 0),
    times: fault.times === null || !strikes ? fault.times : fault.times - 1,
  });
  return strikes;
}

/** Whether a fault has struck for the last time. */
export function isSpent(fault: FaultRecord): boolean {
  return fault.times === 0;
}

/** Creates the faults over the stored ones, so that they survive a restart and stand in snapshots. */
export function createFaults(deps: { store: Store; now: () => number; failed: (cause: unknown) => void }): Faults {
  const { store, now } = deps;
  const save = (): void => void store.durable().catch(deps.failed);
  return {
    add(wish) {
      const flaw = faultFlaw(wish);
      if (flaw !== null) throw new Error(flaw);
      const fault = store.transact(now(), (tx) =>
        tx.put('fault', {
          id: tx.newId('flt_'),
          type: wish.type,
          route: wish.route ?? null,
          card: wish.card ?? null,
          decline_code: wish.decline_code ?? 'generic_decline',
          meter_code: wish.meter_code ?? 'meter_event_customer_not_found',
          when: wish.when ?? 'before',
          times: wish.times === undefined ? 1 : wish.times,
          probability: wish.probability ?? 1,
          reason: wish.reason ?? 'global-rate',
          // Stripe tells clients not to repeat a 500 by themselves.
          should_retry:
            wish.should_retry === undefined ? (wish.type === 'server_error' ? false : null) : wish.should_retry,
          hold_ms: wish.hold_ms ?? HOLD_MS,
          seen: 0,
          struck: 0,
        }),
      );
      save();
      return fault;
    },
    list: () => store.read(now(), (tx) => tx.all('fault')),
    clear(id) {
      const count = store.transact(now(), (tx) => {
        const gone = tx.all('fault').filter((fault) => id === undefined || fault.id === id);
        for (const fault of gone) tx.remove('fault', fault.id);
        return gone.length;
      });
      save();
      return count;
    },
    strike(route) {
      const fitting = (tx: Tx): FaultRecord[] =>
        tx.all('fault').filter((fault) => strikesRequests(fault) && !isSpent(fault) && fits(fault, route));
      if (store.read(now(), (tx) => fitting(tx).length) === 0) return null;
      return store.transact(now(), (tx) => fitting(tx).find((fault) => roll(tx, fault)) ?? null);
    },
  };
}
