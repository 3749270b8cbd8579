import { ApiError, invalid, noSuch } from '../http/api-error.ts';
import type { FormHash } from '../http/form.ts';
import { type Context, createContext } from '../resources/context.ts';
import type { TestClockRecord } from '../store/machinery.ts';
import type { Kind } from '../store/records.ts';
import type { Tx } from '../store/store.ts';

/** The same transaction, with the time of a clock. */
export function atTime(tx: Tx, at_ms: number): Tx {
  return { ...tx, now_ms: at_ms, now: Math.floor(at_ms / 1000) };
}

/** The test clock a customer lives on. */
export function clockOfCustomer(tx: Tx, customer: string | null | undefined): TestClockRecord | null {
  const id = tx.get('customer', customer ?? '')?.test_clock ?? null;
  return id === null ? null : (tx.get('test_clock', id) ?? null);
}

/** A context whose time is that of the customer's clock. */
export function contextOf(
  tx: Tx,
  account_name: string,
  customer: string | null,
  request: Context['request'] = null,
): Context {
  return onClock(createContext(tx, account_name, request), clockOfCustomer(tx, customer));
}

/** A context that works at the time of a clock. */
export function onClock(context: Context, clock: TestClockRecord | null): Context {
  if (clock === null) return context;
  return { ...context, clock: clock.id, tx: atTime(context.tx, clock.frozen_ms) };
}

/** Routes whose objects live in real time, whoever their customer is. */
const in_real_time =
  /^\w+ \/v1\/(payment_intents|setup_intents|charges|refunds|payment_methods|checkout|billing_portal|test_helpers)\b/;

/** Records that name their customer. */
const owned: readonly Kind[] = ['credit_grant', 'subscription', 'subscription_schedule', 'invoice', 'invoice_item'];

function customerOf(tx: Tx, id: string): string | null {
  if (tx.get('customer', id) !== undefined) return id;
  for (const kind of owned) {
    const record = tx.get(kind, id);
    if (record !== undefined && 'customer' in record && typeof record.customer === 'string') return record.customer;
  }
  if (!id.startsWith('si_')) return null;
  return tx.all('subscription').find((each) => each.items.some((item) => item.id === id))?.customer ?? null;
}

const references = ['customer', 'subscription', 'schedule', 'invoice', 'from_subscription'] as const;

/** The test clock that rules a request: that of the customer it names or whose object it works on. */
export function clockOfRequest(tx: Tx, route: string, hash: FormHash, id: string): TestClockRecord | null {
  if (tx.all('test_clock').length === 0 || in_real_time.test(route)) return null;
  const named = hash['test_clock'];
  if (route === 'POST /v1/customers') return typeof named === 'string' ? (tx.get('test_clock', named) ?? null) : null;
  for (const value of [...id.split('/'), ...references.map((name) => hash[name])]) {
    if (typeof value !== 'string' || value === '') continue;
    const customer = customerOf(tx, value);
    if (customer !== null) return clockOfCustomer(tx, customer);
  }
  return null;
}

/** Refuses a change while the clock moves, as Stripe does. https://docs.stripe.com/billing/testing/test-clocks */
export function refuseWhileAdvancing(clock: TestClockRecord): void {
  if (clock.status !== 'advancing') return;
  throw new ApiError(
    429,
    'invalid_request_error',
    `Test clock advancement underway - cannot perform modifications: ${clock.id}`,
    { before_execution: true },
  );
}

/** Whether a list shows the object of a customer: those on a test clock only when the customer or the clock is named. */
export function listed(
  tx: Tx,
  customer: string,
  params: { customer?: string | undefined; test_clock?: string | undefined },
): boolean {
  const clock = tx.get('customer', customer)?.test_clock ?? null;
  if (params.test_clock !== undefined) return clock === params.test_clock;
  return clock === null || params.customer !== undefined;
}

const MOST_CUSTOMERS = 3;
const MOST_SUBSCRIPTIONS = 3;

/** A test clock by an id that was sent as `param`. */
export function findTestClock(tx: Tx, id: string, param: string): TestClockRecord {
  const clock = tx.get('test_clock', id);
  if (clock === undefined) throw noSuch('testclock', id, param);
  return clock;
}

/** Checks that a test clock takes one more customer. */
export function joinClock(tx: Tx, id: string): string {
  const clock = findTestClock(tx, id, 'test_clock');
  const customers = tx.all('customer').filter((each) => each.test_clock === id && !each.deleted);
  if (customers.length >= MOST_CUSTOMERS) {
    throw invalid(`You can have at most ${MOST_CUSTOMERS} customers on a test clock.`, { param: 'test_clock' });
  }
  return clock.id;
}

/** Checks that a customer on a test clock may have one more subscription. */
export function checkClockRoom(context: Context, customer: string): void {
  if (context.clock === null) return;
  const live = context.tx.all('subscription').filter((each) => each.customer === customer && each.ended_at === null);
  if (live.length >= MOST_SUBSCRIPTIONS) {
    throw invalid(`A customer on a test clock can have at most ${MOST_SUBSCRIPTIONS} subscriptions.`, {
      param: 'customer',
    });
  }
}
