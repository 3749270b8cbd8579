import { chance } from '../faults/chance.ts';
import type { Chaos, DeliveryRecord, DeliveryState, WebhookEndpointRecord, WebhookPolicy } from '../store/machinery.ts';
import type { Tx } from '../store/store.ts';

/** Nothing goes wrong. */
export const calm: Chaos = {
  duplicate: 0,
  reorder: 0,
  delay: 0,
  delay_ms: 1_000,
  drop: 0,
  truncate: 0,
  api_version: null,
};

/** What is wrong with wished chaos; `null` when nothing is. */
export function chaosFlaw(chaos: Chaos): string | null {
  for (const name of ['duplicate', 'reorder', 'delay', 'drop', 'truncate'] as const) {
    if (!(chaos[name] >= 0 && chaos[name] <= 1)) return `\`${name}\` is a probability from 0 to 1.`;
  }
  if (!(chaos.delay_ms >= 0 && chaos.delay_ms <= 86_400_000)) return '`delay_ms` is at most a day.';
  if (chaos.api_version !== null && !/^\d{4}-\d{2}-\d{2}(\.[a-z]+)?$/.test(chaos.api_version)) {
    return '`api_version` looks like 2024-06-20 or 2025-03-31.basil.';
  }
  return null;
}

/** One delivery of an event, as it is put into the queue. */
export interface Planned {
  state: DeliveryState;
  next_at_ms: number | null;
}

interface Place {
  endpoint: Pick<WebhookEndpointRecord, 'id'>;
  event: string;
  /** The event's place among those of its commit, and how many these are. */
  index: number;
  count: number;
  machine_ms: number;
}

function firstState(policy: WebhookPolicy): DeliveryState {
  if (policy === 'hold') return 'held';
  return policy === 'drop' ? 'dropped' : 'pending';
}

/** The deliveries of an event to an endpoint: one by default; policy and chaos make none, two, late ones. */
export function planDeliveries(tx: Tx, place: Place): Planned[] {
  const { policy, chaos, seed } = tx.need('setting', 'sandbox');
  const { index, count, machine_ms } = place;
  // Ordered by time of delivery: a thousandth of a millisecond apart, none in the future.
  const at = (rank: number): number => machine_ms - (count - rank) / 1_000;
  const state = firstState(policy);
  const copies = policy === 'twice' ? 2 : 1;
  if (chaos === null || state !== 'pending') {
    return Array.from({ length: copies }, () => ({ state, next_at_ms: state === 'pending' ? at(index) : null }));
  }
  const lot = (name: string): number => chance(seed, name, place.event, place.endpoint.id);
  if (lot('drop') < chaos.drop) return [{ state: 'dropped', next_at_ms: null }];
  const rank = lot('reorder') < chaos.reorder ? lot('rank') * count : index;
  const late_ms = lot('delay') < chaos.delay ? chaos.delay_ms : 0;
  const twice = lot('duplicate') < chaos.duplicate ? 1 : 0;
  return Array.from({ length: copies + twice }, () => ({ state, next_at_ms: at(rank) + late_ms }));
}

/** What of a body arrives: all of it, or half, rolled anew for each attempt. */
export function arriving(tx: Tx, delivery: DeliveryRecord, body: string): string {
  const { chaos, seed } = tx.need('setting', 'sandbox');
  if (chaos === null) return body;
  const lot = chance(seed, 'truncate', delivery.id, delivery.attempts.length);
  return lot < chaos.truncate ? body.slice(0, Math.floor(body.length / 2)) : body;
}

/** The secrets that sign for an endpoint now: the current one, and the one before while it overlaps. */
export function signingSecrets(
  endpoint: Pick<WebhookEndpointRecord, 'old_secret' | 'secret'>,
  now_ms: number,
): string[] {
  const { old_secret, secret } = endpoint;
  return old_secret !== null && old_secret.expires_at_ms > now_ms ? [secret, old_secret.secret] : [secret];
}

const LONGEST_OVERLAP_MS = 24 * 3_600_000;

/** Gives an endpoint a new secret; the old one signs too for a while, as when it is rolled in Stripe's dashboard. */
export function rollSecret(tx: Tx, endpoint_id: string, overlap_ms: number): string | null {
  const endpoint = tx.get('webhook_endpoint', endpoint_id);
  if (endpoint === undefined) return null;
  if (!(overlap_ms >= 0 && overlap_ms <= LONGEST_OVERLAP_MS)) {
    throw new RangeError('A former secret overlaps for 24 hours at most.');
  }
  const secret = tx.newId('whsec_', 32);
  const old_secret = overlap_ms === 0 ? null : { secret: endpoint.secret, expires_at_ms: tx.now_ms + overlap_ms };
  tx.put('webhook_endpoint', { ...endpoint, old_secret, secret });
  return secret;
}
