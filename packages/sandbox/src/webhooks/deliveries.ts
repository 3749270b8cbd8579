import { toJson } from '../resources/context.ts';
import { renderEvent } from '../resources/events/events.ts';
import { renderNotification } from '../resources/events/thin-events.ts';
import { serialize } from '../http/serialize.ts';
import type { DeliveryRecord, WebhookEndpointRecord } from '../store/machinery.ts';
import type { Store, Tx } from '../store/store.ts';
import { createAlarm } from '../time/alarm.ts';
import type { SandboxClock } from '../time/clock.ts';
import { dress } from '../http/older/answers.ts';
import { arriving, signingSecrets } from './chaos.ts';
import { signatureHeader } from './sign.ts';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;

/** Waits between attempts, on the machine's clock. Afterwards a delivery rests until the next start or a resend. */
const RETRY_AFTER_MS: readonly number[] = [1 * SECOND, 5 * SECOND, 30 * SECOND, 5 * MINUTE, 30 * MINUTE, 120 * MINUTE];

const TIMEOUT_MS = 10 * SECOND;
const SHORTEST_TIMER_MS = 10;

interface Deps {
  clock: SandboxClock;
  store: Store;
  send(url: string, init: RequestInit): Promise<Response>;
  /** Where the sandbox is reached now. */
  origin(): string;
  failed(cause: unknown): void;
}

/** Delivers what events have queued. */
export interface Deliveries {
  /** Looks for work: called after every commit. */
  poke(): void;
  /** Resolves when everything due has been attempted; a retry that lies ahead is not waited for. */
  settled(): Promise<void>;
  /** Held deliveries go out, the last one first when `reversed`. */
  release(options?: { reversed?: boolean }): Promise<number>;
  /** Sends one delivery again, or all of an event; answers how many. */
  resend(id: string): Promise<number>;
  /** Gives what a former process left undelivered another round. */
  start(): void;
  stop(): Promise<void>;
}

interface Attempt {
  status: number | null;
  error: string | null;
}

/** Deliveries that are to be attempted, first due first. */
function waiting({ store, clock }: Deps): DeliveryRecord[] {
  const all = store.read(clock.now(), (tx) => tx.all('delivery').filter((each) => each.state === 'pending'));
  return all.toSorted((a, b) => (a.next_at_ms ?? 0) - (b.next_at_ms ?? 0));
}

function due(deps: Deps): DeliveryRecord[] {
  const now_ms = deps.clock.machine();
  return waiting(deps).filter((each) => (each.next_at_ms ?? 0) <= now_ms);
}

/** Who gets deliveries: a webhook endpoint, or an event destination. */
type Receiver = Pick<WebhookEndpointRecord, 'api_version' | 'old_secret' | 'secret' | 'status' | 'url'>;

function receiverOf(tx: Tx, id: string): Receiver | undefined {
  const destination = tx.get('event_destination', id);
  return destination === undefined
    ? tx.get('webhook_endpoint', id)
    : { ...destination, api_version: null, old_secret: null };
}

/** What an endpoint is sent: a notification, or the event as of the version it was made for. */
function bodyOf(tx: Tx, delivery: DeliveryRecord, endpoint: Receiver, origin: string): string {
  const thin = tx.get('thin_event', delivery.event);
  if (thin !== undefined) return serialize(renderNotification(thin), origin);
  const event = renderEvent(tx, tx.need('event', delivery.event));
  const version = tx.need('setting', 'sandbox').chaos?.api_version ?? endpoint.api_version;
  if (version === null) return serialize(event, origin);
  const object = dress(tx, version, toJson(event.data.object));
  return serialize({ ...event, api_version: version, data: { ...event.data, object } }, origin);
}

async function post(deps: Deps, delivery: DeliveryRecord, endpoint: Receiver): Promise<Attempt> {
  const { store, clock } = deps;
  const { body, sent } = store.read(clock.now(), (tx) => {
    const whole = bodyOf(tx, delivery, endpoint, deps.origin());
    return { body: whole, sent: arriving(tx, delivery, whole) };
  });
  // Receivers refuse what is older than their tolerance. Some use the machine's time, some the sandbox's: the later
  // of the two is not old for either.
  const timestamp = Math.floor(Math.max(clock.machine(), clock.now()) / 1000);
  try {
    const response = await deps.send(endpoint.url, {
      method: 'POST',
      headers: {
        'content-type': 'application/json; charset=utf-8',
        'stripe-signature': signatureHeader(signingSecrets(endpoint, clock.now()), timestamp, body),
        'user-agent': 'Stripe/1.0 (+https://stripe.com/docs/webhooks)',
      },
      body: sent,
      redirect: 'manual',
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    await response.arrayBuffer();
    return { status: response.status, error: null };
  } catch (cause) {
    const reason = cause instanceof Error ? cause : new Error(String(cause));
    const inner = reason.cause instanceof Error && reason.cause.message !== '' ? `: ${reason.cause.message}` : '';
    return { status: null, error: `${reason.message}${inner}` };
  }
}

async function attempt(deps: Deps, id: string): Promise<void> {
  const { store, clock } = deps;
  const { delivery, endpoint } = store.read(clock.now(), (tx) => {
    const found = tx.need('delivery', id);
    return { delivery: found, endpoint: receiverOf(tx, found.endpoint) };
  });
  if (endpoint?.status !== 'enabled') {
    store.transact(clock.now(), (tx) => tx.put('delivery', { ...delivery, next_at_ms: null, state: 'dropped' }));
    return;
  }
  const result = await post(deps, delivery, endpoint);
  const ok = result.status !== null && result.status >= 200 && result.status < 300;
  const wait = RETRY_AFTER_MS[delivery.attempts.length];
  store.transact(clock.now(), (tx) =>
    tx.put('delivery', {
      ...delivery,
      attempts: [...delivery.attempts, { at_ms: clock.machine(), ...result }],
      next_at_ms: ok || wait === undefined ? null : clock.machine() + wait,
      state: ok ? 'delivered' : wait === undefined ? 'failed' : 'pending',
    }),
  );
  await store.durable();
}

/** Puts deliveries back into the queue with a fresh schedule; answers how many. */
function requeue(deps: Deps, choose: (each: DeliveryRecord) => boolean, reversed = false): number {
  const machine_ms = deps.clock.machine();
  return deps.store.transact(deps.clock.now(), (tx) => {
    const chosen = tx.all('delivery').filter(choose);
    const ordered = reversed ? chosen.toReversed() : chosen;
    // Ordered by time of delivery: a thousandth of a millisecond apart, none in the future.
    for (const [index, each] of ordered.entries()) {
      const next_at_ms = machine_ms - (ordered.length - index) / 1_000;
      tx.put('delivery', { ...each, attempts: [], next_at_ms, state: 'pending' });
    }
    return chosen.length;
  });
}

/** Creates the deliverer: one delivery at a time per endpoint, so that the order of events is the order of arrival. */
export function createDeliveries(deps: Deps): Deliveries {
  const running = new Map<string, Promise<void>>();
  const alarm = createAlarm(() => poke());
  let stopped = false;
  /** A fault of the store; nothing can be recorded any more, so nothing is sent. */
  let fault: Error | null = null;

  async function work(endpoint: string): Promise<void> {
    // An event is told only after the commit that made it is on the disk.
    await deps.store.durable();
    for (;;) {
      const next = stopped ? undefined : due(deps).find((each) => each.endpoint === endpoint);
      if (next === undefined) return;
      await attempt(deps, next.id);
    }
  }

  function broke(cause: unknown): void {
    fault = new Error('Webhooks are no longer delivered.', { cause });
    deps.failed(cause);
  }

  function poke(): void {
    if (stopped || fault !== null) return;
    for (const endpoint of new Set(due(deps).map((each) => each.endpoint))) {
      if (running.has(endpoint)) continue;
      const loop = work(endpoint)
        .catch(broke)
        .finally(() => {
          running.delete(endpoint);
          poke();
        });
      running.set(endpoint, loop);
    }
    const next = waiting(deps)[0]?.next_at_ms ?? null;
    if (running.size > 0 || next === null) alarm.clear();
    else alarm.set(Math.max(next - deps.clock.machine(), SHORTEST_TIMER_MS));
  }

  async function settled(): Promise<void> {
    for (;;) {
      poke();
      if (fault !== null) throw fault;
      if (running.size === 0) return;
      await Promise.all(running.values());
    }
  }

  async function again(choose: (each: DeliveryRecord) => boolean, reversed = false): Promise<number> {
    const count = requeue(deps, choose, reversed);
    await settled();
    return count;
  }

  return {
    poke,
    settled,
    release: (options = {}) => again((each) => each.state === 'held', options.reversed),
    resend: (id) => again((each) => each.id === id || each.event === id),
    start() {
      requeue(deps, (each) => each.state === 'pending' || each.state === 'failed');
      poke();
    },
    async stop() {
      stopped = true;
      alarm.clear();
      await Promise.all(running.values());
    },
  };
}
