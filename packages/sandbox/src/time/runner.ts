import { AsyncLocalStorage } from 'node:async_hooks';
import { createContext, type Context } from '../resources/context.ts';
import { expireGrant } from '../resources/usage/credit-grants.ts';
import { expireSession } from '../resources/checkout/checkout-sessions.ts';
import { endDiscount } from '../resources/invoices/discounts.ts';
import { expireAuthorization } from '../resources/payments/captures.ts';
import { loseUnanswered } from '../resources/payments/disputes.ts';
import { settleRefund } from '../resources/payments/refunds.ts';
import { storeEvents } from '../resources/events/events.ts';
import { reportMeterErrors } from '../resources/usage/meter-reports.ts';
import { announceDue, fallOverdue } from '../resources/invoices/due-dates.ts';
import { tellUpcoming } from '../resources/invoices/upcoming.ts';
import { retry } from '../resources/invoices/follow-payment.ts';
import { billPendingItems } from '../resources/subscriptions/pending-items.ts';
import { expireResumption } from '../resources/subscriptions/paused-subscriptions.ts';
import { finishDraft, renew } from '../resources/subscriptions/subscription-cycle.ts';
import { endAtDate, expireIncomplete } from '../resources/subscriptions/subscription-ending.ts';
import { reachThresholds } from '../resources/subscriptions/thresholds.ts';
import type { JobKind, JobRecord } from '../store/machinery.ts';
import { tellTrialEnd } from '../resources/subscriptions/pending-updates.ts';
import { expirePendingUpdate } from '../resources/subscriptions/subscription-change.ts';
import { enterPhase, tellExpiring } from '../resources/schedules/schedule-phases.ts';
import { runPlannedPause, runPlannedResume } from '../resources/schedules/schedule-pauses.ts';
import { resumeCollection } from '../resources/subscriptions/subscription-pause.ts';
import { deleteClock, stopClock } from '../resources/test-clocks.ts';
import type { Store } from '../store/store.ts';
import { createAlarm } from './alarm.ts';
import type { SandboxClock } from './clock.ts';
import { onClock } from './test-clock.ts';

const SHORTEST_TIMER_MS = 20;
/** How often a draft that waits for its webhook is looked at. */
const DELIVERY_MS = 200;
/** How long due work rests after the consumer or the work itself failed. */
const REST_MS = 5_000;

const work: Record<JobKind, (context: Context, object_id: string) => void> = {
  cycle: renew,
  upcoming: tellUpcoming,
  finalize: finishDraft,
  retry,
  cancel: endAtDate,
  expire_incomplete: expireIncomplete,
  expire_grant: expireGrant,
  expire_session: expireSession,
  meter_report: reportMeterErrors,
  end_discount: endDiscount,
  overdue: fallOverdue,
  pending_items: billPendingItems,
  threshold: reachThresholds,
  will_be_due: announceDue,
  expire_resumption: expireResumption,
  delete_clock: deleteClock,
  dispute_due: loseUnanswered,
  expire_authorization: expireAuthorization,
  settle_refund: settleRefund,
  expire_pending_update: expirePendingUpdate,
  resume_collection: resumeCollection,
  trial_will_end: tellTrialEnd,
  enter_phase: enterPhase,
  schedule_expiring: tellExpiring,
  planned_pause: runPlannedPause,
  planned_resume: runPlannedResume,
};

interface Deps {
  account_name: string;
  clock: SandboxClock;
  store: Store;
  /** Awaited before each piece of due work and after the last. */
  before: () => Promise<void>;
  committed(): void;
  failed(cause: unknown): void;
}

/** What an advance did. */
export interface Advanced {
  from: number;
  to: number;
  /** `cycle sub_…`, in the order run. */
  ran: string[];
}

/** Runs due work: as it comes on the running clock, or stepwise when the clock is advanced. */
export interface Runner {
  /** `target` is asked when earlier advances are done. */
  advance(target: (from: number) => number): Promise<Advanced>;
  /** Runs a task when no due work runs, and lets none run meanwhile. */
  alone<T>(task: () => Promise<T>): Promise<T>;
  /** Looks for the next due work: called after every commit. */
  poke(): void;
  stop(): Promise<void>;
}

/** In the same second a phase of a schedule begins before the period that bills it. */
function rank(job: JobRecord): number {
  return job.kind === 'enter_phase' ? 0 : 1;
}

/** The work that waits for one clock, first due first; `null` is the sandbox's own. */
export function queued(store: Store, now_ms: number, clock: string | null = null): JobRecord[] {
  return store
    .read(now_ms, (tx) => tx.all('job').filter((job) => job.clock === clock))
    .toSorted((a, b) => a.at_ms - b.at_ms || rank(a) - rank(b) || a.seq - b.seq);
}

/**
 * A draft waits while `invoice.created` is still being delivered, as it does at Stripe: after the machine slept, the
 * seller's program may start later than the sandbox. It waits no longer than deliveries are retried.
 */
function awaitsDelivery(deps: Deps, job: JobRecord): boolean {
  if (job.kind !== 'finalize') return false;
  return deps.store.read(job.at_ms, (tx) =>
    tx.all('delivery').some((delivery) => {
      const event = delivery.state === 'pending' ? tx.get('event', delivery.event) : undefined;
      return event?.type === 'invoice.created' && event.object['id'] === job.object_id;
    }),
  );
}

/** Runs one job at its own time, in one transaction with the clock's step. */
function run(deps: Deps, job: JobRecord, moves_clock: boolean): void {
  const { clock, store } = deps;
  store.transact(job.at_ms, (tx) => {
    const context = createContext(tx, deps.account_name, null);
    tx.remove('job', job.id);
    work[job.kind](context, job.object_id);
    storeEvents(context, clock.machine());
    if (moves_clock) tx.put('setting', clock.settingAt(tx.need('setting', 'sandbox'), job.at_ms));
  });
}

/** Runs one step of a test clock's advance: the work due next, or the arrival. Says whether there is more. */
function stepClock(deps: Deps, id: string): boolean {
  const { store, clock: sandbox_clock } = deps;
  const now_ms = sandbox_clock.now();
  const [next] = queued(store, now_ms, id);
  return store.transact(now_ms, (tx) => {
    const clock = tx.get('test_clock', id);
    if (clock?.status !== 'advancing' || clock.target_ms === null) return false;
    const is_due = next !== undefined && next.at_ms <= clock.target_ms;
    const frozen_ms = is_due ? Math.max(next.at_ms, clock.frozen_ms) : clock.target_ms;
    const moved = tx.put('test_clock', { ...clock, frozen_ms });
    const context = onClock(createContext(tx, deps.account_name, null), moved);
    if (is_due) {
      tx.remove('job', next.id);
      work[next.kind](context, next.object_id);
    } else {
      stopClock(context, moved, 'ready');
    }
    storeEvents(context, sandbox_clock.machine());
    return is_due;
  });
}

/** A test clock whose work failed stays where it is. */
function failClock(deps: Deps, id: string, cause: unknown): void {
  deps.failed(cause);
  deps.store.transact(deps.clock.now(), (tx) => {
    const context = createContext(tx, deps.account_name, null);
    stopClock(context, tx.need('test_clock', id), 'internal_failure');
    storeEvents(context, deps.clock.machine());
  });
}

function advancing(deps: Deps): string[] {
  return deps.store.read(0, (tx) =>
    tx
      .all('test_clock')
      .filter((clock) => clock.status === 'advancing')
      .map((clock) => clock.id),
  );
}

/** Brings every advancing test clock to its target, in order of its work. */
async function runClocks(deps: Deps, goes: () => boolean): Promise<void> {
  for (const id of advancing(deps)) {
    for (let more = true; more;) {
      await deps.before();
      if (!goes()) return;
      try {
        more = stepClock(deps, id);
      } catch (cause) {
        failClock(deps, id, cause);
        more = false;
      }
      await deps.store.durable();
      deps.committed();
    }
  }
}

/** Moves the clock where no work is left to do on the way. */
async function settle(deps: Deps, at_ms: number): Promise<void> {
  const { clock, store } = deps;
  if (clock.now() >= at_ms) return;
  store.transact(at_ms, (tx) => tx.put('setting', clock.settingAt(tx.need('setting', 'sandbox'), at_ms)));
  await store.durable();
}

/** Runs what is due until then, in order; `goes` says whether to go on. */
async function runUntil(deps: Deps, target_ms: number, moves_clock: boolean, goes: () => boolean): Promise<string[]> {
  const { clock, store } = deps;
  const ran: string[] = [];
  for (;;) {
    await deps.before();
    const jobs = queued(store, clock.now());
    // An advance does not wait for real time to pass: it goes on after the first attempt.
    const next = jobs.find((job) => moves_clock || !awaitsDelivery(deps, job));
    if (!goes() || next === undefined || next.at_ms > target_ms) return ran;
    // A job that is already late (the machine slept) does not turn the clock back.
    run(deps, next, moves_clock && next.at_ms > clock.now());
    ran.push(`${next.kind} ${next.object_id}`);
    await store.durable();
    deps.committed();
  }
}

/** Creates the runner. Advances queue up behind each other; requests go on between the steps of one. */
export function createRunner(deps: Deps): Runner {
  const { clock, store } = deps;
  const inside = new AsyncLocalStorage<boolean>();
  let tail: Promise<unknown> = Promise.resolve();
  let stopped = false;
  let busy = 0;
  let wait_ms = SHORTEST_TIMER_MS;
  /** The alarm is set for a test clock that advances. */
  let starting = false;
  const goes = (): boolean => !stopped;

  function enqueue<T>(task: () => Promise<T>): Promise<T> {
    busy += 1;
    const result = tail
      .then(() => inside.run(true, task))
      .finally(() => {
        busy -= 1;
        poke();
      });
    tail = result.catch(() => null); // the caller hears of it; the next in line only waits
    return result;
  }

  function rest(cause: unknown): void {
    wait_ms = REST_MS;
    deps.failed(cause);
  }

  const alarm = createAlarm(() => {
    wait_ms = SHORTEST_TIMER_MS;
    starting = false;
    enqueue(async () => {
      try {
        await runClocks(deps, goes);
        await runUntil(deps, clock.now(), false, goes);
      } catch (cause) {
        rest(cause);
      }
    }).catch(rest);
  });

  function poke(): void {
    // A client that polls an advancing clock must not put off its work with every request.
    if (starting && !stopped) return;
    alarm.clear();
    if (stopped || busy > 0) return;
    if (advancing(deps).length > 0) {
      starting = true;
      alarm.set(wait_ms);
      return;
    }
    const setting = store.read(0, (tx) => tx.need('setting', 'sandbox'));
    const [next] = queued(store, clock.now());
    if (next === undefined || (setting.frozen_at_ms !== null && next.at_ms > clock.now())) return;
    const waits = next.at_ms <= clock.now() && awaitsDelivery(deps, next);
    alarm.set(Math.max(next.at_ms - clock.now(), waits ? DELIVERY_MS : wait_ms));
  }

  return {
    async advance(target) {
      if (inside.getStore() === true) throw new Error('The clock cannot be advanced from inside an advance.');
      return await enqueue(async () => {
        const from = clock.now();
        const at_ms = target(from);
        if (!Number.isFinite(at_ms) || at_ms < from) throw new Error('The clock only moves forward.');
        const ran = await runUntil(deps, at_ms, true, goes);
        await settle(deps, at_ms);
        return { from, to: clock.now(), ran };
      });
    },
    alone(task) {
      if (inside.getStore() === true) return Promise.reject(new Error('This cannot be done from inside an advance.'));
      return enqueue(task);
    },
    poke,
    async stop() {
      stopped = true;
      alarm.clear();
      await tail;
    },
  };
}
