import type Stripe from 'stripe';
import { missingParam } from '../contract/contract.ts';
import type { Wire } from '../contract/wire.ts';
import { invalid, invalidParam } from '../http/api-error.ts';
import { page, pageParams } from '../http/lists.ts';
import { integer, type Read, text } from '../http/params.ts';
import { route } from '../http/route.ts';
import type { TestClockRecord } from '../store/machinery.ts';
import type { Seconds, SubscriptionRecord } from '../store/records.ts';
import type { Tx } from '../store/store.ts';
import { boundary, type Interval } from '../time/calendar.ts';
import { findTestClock, onClock, refuseWhileAdvancing } from '../time/test-clock.ts';
import { type Context, createContext, emit, schedule, unschedule } from './context.ts';
import { deleteCustomer, findCustomer, updateCustomer } from './customers/customers.ts';

const KEPT_DAYS = 30;
const DAY = 86_400;
/** How many intervals of its shortest subscription a clock may be advanced at once. */
const MOST_INTERVALS = 2;
const MOST_WITHOUT: Interval = { interval: 'year', interval_count: 2 };

function seconds(at_ms: number): Seconds {
  return Math.floor(at_ms / 1000);
}

/** Renders a test clock. */
export function renderTestClock(clock: TestClockRecord): Wire<Stripe.TestHelpers.TestClock> {
  return {
    id: clock.id,
    object: 'test_helpers.test_clock',
    created: clock.created,
    deletes_after: clock.deletes_after,
    frozen_time: seconds(clock.frozen_ms),
    livemode: false,
    name: clock.name,
    status: clock.status,
    status_details: clock.target_ms === null ? {} : { advancing: { target_frozen_time: seconds(clock.target_ms) } },
  };
}

function find(tx: Tx, id: string): TestClockRecord {
  return findTestClock(tx, id, 'id');
}

const createTable = { frozen_time: integer(0), name: text(300), customer: text() };

function create(context: Context, params: Read<typeof createTable>): Wire<Stripe.TestHelpers.TestClock> {
  const { tx } = context;
  if (params.frozen_time === undefined) throw missingParam('frozen_time');
  const clock = tx.put('test_clock', {
    id: tx.newId('clock_'),
    created: tx.now,
    deletes_after: tx.now + KEPT_DAYS * DAY,
    frozen_ms: params.frozen_time * 1000,
    name: params.name ?? null,
    status: 'ready',
    target_ms: null,
  });
  if (params.customer !== undefined) {
    const customer = findCustomer(tx, params.customer, 'customer');
    const is_used = ['subscription', 'invoice', 'invoice_item'] as const;
    if (customer.test_clock !== null || is_used.some((kind) => owns(tx, kind, customer.id))) {
      throw invalid('Only a customer without a test clock, subscriptions and invoices can be put on one.', {
        param: 'customer',
      });
    }
    updateCustomer(context, customer, { test_clock: clock.id });
  }
  schedule(context, clock.deletes_after, 'delete_clock', clock.id);
  emit(context, 'test_helpers.test_clock.created', renderTestClock(clock));
  return renderTestClock(clock);
}

function owns(tx: Tx, kind: 'subscription' | 'invoice' | 'invoice_item', customer: string): boolean {
  return tx.all(kind).some((each) => each.customer === customer);
}

function intervalsOf(tx: Tx, subscription: SubscriptionRecord): Interval[] {
  return subscription.items.flatMap((item) => tx.get('price', item.price)?.recurring ?? []);
}

/** How far a clock may go: two intervals of its shortest subscription, or two years. */
function farthest(tx: Tx, clock: TestClockRecord): Seconds {
  const from = seconds(clock.frozen_ms);
  const live = tx
    .all('subscription')
    .filter((each) => each.ended_at === null && tx.get('customer', each.customer)?.test_clock === clock.id);
  const intervals = live.flatMap((each) => intervalsOf(tx, each));
  if (intervals.length === 0) return boundary(from, MOST_WITHOUT, 1);
  return Math.min(...intervals.map((each) => boundary(from, each, MOST_INTERVALS)));
}

function advance(context: Context, id: string, to: Seconds | undefined): Wire<Stripe.TestHelpers.TestClock> {
  const { tx } = context;
  const clock = find(tx, id);
  refuseWhileAdvancing(clock);
  if (clock.status === 'internal_failure') throw invalid('This test clock has failed; it can only be deleted.');
  if (to === undefined) throw missingParam('frozen_time');
  if (to * 1000 <= clock.frozen_ms) {
    throw invalidParam(
      `A test clock can only be advanced forwards; it stands at ${seconds(clock.frozen_ms)}.`,
      'frozen_time',
    );
  }
  const limit = farthest(tx, clock);
  if (to > limit) {
    throw invalidParam(
      `Cannot advance a test clock further than two intervals of its shortest subscription, or two years without one: from ${seconds(clock.frozen_ms)} to at most ${limit}.`,
      'frozen_time',
    );
  }
  const moving = tx.put('test_clock', { ...clock, status: 'advancing', target_ms: to * 1000 });
  emit(context, 'test_helpers.test_clock.advancing', renderTestClock(moving));
  return renderTestClock(moving);
}

/** The clock has reached its time, or its work failed. */
export function stopClock(context: Context, clock: TestClockRecord, status: 'ready' | 'internal_failure'): void {
  const stopped = context.tx.put('test_clock', {
    ...clock,
    frozen_ms: status === 'ready' ? (clock.target_ms ?? clock.frozen_ms) : clock.frozen_ms,
    status,
    target_ms: null,
  });
  emit(context, `test_helpers.test_clock.${status}`, renderTestClock(stopped));
}

/** Deletes a clock with its customers; their subscriptions are canceled at the time it shows. */
export function deleteClock(context: Context, id: string): void {
  const { tx } = context;
  const clock = tx.get('test_clock', id);
  if (clock === undefined) return;
  const inside = onClock(createContext(tx, context.account_name, context.request), clock);
  for (const customer of tx.all('customer')) {
    if (customer.test_clock === id && !customer.deleted) deleteCustomer(inside, customer);
  }
  context.events.push(...inside.events);
  for (const job of tx.all('job')) if (job.clock === id) tx.remove('job', job.id);
  unschedule(context, 'delete_clock', id);
  tx.remove('test_clock', id);
  emit(context, 'test_helpers.test_clock.deleted', renderTestClock(clock));
}

export const testClockRoutes = [
  route('POST /v1/test_helpers/test_clocks', createTable, create),
  route('GET /v1/test_helpers/test_clocks/{id}', {}, ({ tx }, _params, id) => renderTestClock(find(tx, id))),
  route('GET /v1/test_helpers/test_clocks', pageParams, ({ tx }, params) =>
    page('/v1/test_helpers/test_clocks', tx.all('test_clock'), params, 'testclock', renderTestClock),
  ),
  route('POST /v1/test_helpers/test_clocks/{id}/advance', { frozen_time: integer(0) }, (context, params, id) =>
    advance(context, id, params.frozen_time),
  ),
  route('DELETE /v1/test_helpers/test_clocks/{id}', {}, (context, _params, id) => {
    refuseWhileAdvancing(find(context.tx, id));
    deleteClock(context, id);
    return { id, object: 'test_helpers.test_clock', deleted: true };
  }),
];
