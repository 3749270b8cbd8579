import { setTimeout as wait } from 'node:timers/promises';
import Stripe from 'stripe';
import { makeFolder, removeFolder } from '../packages/server/test/folder.ts';
import { freePort } from '../packages/server/test/free-port.ts';
import { type Program, startProgram } from '../packages/server/test/program.ts';
import { type Visitor, createVisitor, payOnPage } from '../packages/server/test/visitor.ts';

/**
 * kill -9 at ten points of the first purchase, and at seven of credit that is bought by itself, each followed by a start on the same folder and by the customer trying again.
 * The database and the local Stripe die with the program's process or are taken over by the next. Counts what was charged
 * twice and what was acknowledged and lost. `--long` repeats them with other delays inside the steps.
 */

interface Customer {
  email: string;
  visitor: Visitor;
  plan: string;
  key: string | null;
  /** Requests answered 200 whose usage was seen in the summary before the kill. */
  acknowledged: number;
  /** Ids of keys, invoices and subscriptions that an answer named. */
  named: Set<string>;
  /** Has turned on that credit is bought by itself: once, since the limit of the month is what one purchase costs. */
  tops_up: boolean;
}

interface Point {
  name: string;
  /** Brings the customer to the point, kills there, and answers the program that runs afterwards. */
  run(customer: Customer): Promise<void>;
}

/** What an automatic top-up buys, and the most of a month. */
const topUpMinor = 1000;
const rounds = process.argv.includes('--long') ? 5 : 1;
const folder = makeFolder('crash', 'open');
const port = await freePort(11);
let program = await startProgram({ port, data_dir: folder });
const stripe = new Stripe('sk_test_farebox', { host: 'localhost', port: port + 1, protocol: 'http', telemetry: false });
const customers: Customer[] = [];
const found: string[] = [];
let starts = 1;
let slowestRestart = 0;

let kills = 0;
for (let round = 0; round < rounds; round += 1) {
  for (const [index, point] of [...points(round), ...topUpPoints(round)].entries()) {
    kills += 1;
    const customer = await signUp(`crash-${round}-${index}@example.com`);
    await point.run(customer);
    await finish(customer);
    console.log(
      `  round ${round + 1}, point ${index + 1}: killed ${point.name}; started again in ${program.started_in_s.toFixed(1)} s`,
    );
  }
}
await program.interrupt();
program = await restart();
for (const customer of customers) await judge(customer);
await program.interrupt();
removeFolder(folder);

for (const line of found) console.log(`  FAULT ${line}`);
const figures = {
  kills,
  starts,
  slowest_restart_s: Number(slowestRestart.toFixed(1)),
  customers: customers.length,
  faults: found.length,
};
console.log(JSON.stringify({ name: 'drill:crash', met: found.length === 0, ...figures }));
process.exit(found.length === 0 ? 0 : 1);

function points(round: number): Point[] {
  const delay = 3 + round * 17;
  return [
    { name: 'after the sign-up was answered', run: async () => await crash() },
    {
      name: 'while the checkout is being opened',
      run: async (customer) => await crashDuring(openCheckout(customer), delay),
    },
    {
      name: 'after the checkout was opened',
      run: async (customer) => {
        await openCheckout(customer);
        await crash();
      },
    },
    {
      name: 'while the payment runs',
      run: async (customer) => {
        const url = await openCheckout(customer);
        await crashDuring(payOnPage(url), delay);
      },
    },
    {
      name: 'after the payment, before the return page',
      run: async (customer) => {
        await pay(customer);
        await crash();
      },
    },
    {
      name: 'while the return page asks Stripe',
      run: async (customer) => {
        await pay(customer);
        await crashDuring(refresh(customer), delay);
      },
    },
    {
      name: 'while the first key is shown',
      run: async (customer) => {
        await pay(customer);
        await refresh(customer);
        await crashDuring(reveal(customer), delay);
      },
    },
    {
      name: 'after usage was seen on the dashboard',
      run: async (customer) => {
        await subscribe(customer);
        await call(customer, 7);
        await crash();
      },
    },
    {
      name: 'while the clock passes a month',
      run: async (customer) => {
        await subscribe(customer);
        await call(customer, 3);
        await crashDuring(moveClock(31 * 24), delay * 10);
      },
    },
    {
      name: 'between the draft invoice and its payment',
      run: async (customer) => {
        await subscribe(customer);
        await call(customer, 3);
        await moveClock(31 * 24 - 1);
        await moveClock(1);
        await crash();
      },
    },
  ];
}

/** Credit that is bought by itself: killed as it is turned on, and at each step of the invoice at Stripe that pays it. */
function topUpPoints(round: number): Point[] {
  const steps: [string, (invoice: Stripe.Invoice | undefined) => boolean][] = [
    ['has its invoice', (invoice) => invoice !== undefined],
    ['has its line', (invoice) => invoice !== undefined && invoice.lines.data.length > 0],
    ['is final', (invoice) => invoice !== undefined && invoice.status !== 'draft'],
    ['is paid at Stripe', (invoice) => invoice?.status === 'paid'],
  ];
  return [
    {
      name: 'while automatic top-ups are being turned on',
      run: async (customer) => {
        await subscribe(customer);
        customer.tops_up = true;
        await crashDuring(turnOn(customer), 3 + round * 17);
      },
    },
    {
      name: 'after automatic top-ups were turned on',
      run: async (customer) => {
        await subscribe(customer);
        customer.tops_up = true;
        await turnOn(customer);
        await crash();
      },
    },
    ...steps.map(([step, isReached]): Point => ({
      name: `when an automatic top-up ${step}`,
      run: async (customer) => {
        await subscribe(customer);
        customer.tops_up = true;
        await turnOn(customer);
        for (let tries = 0; !isReached((await topUpInvoices(customer))[0]); tries += 1)
          if (tries > 2000) throw new Error(`no automatic top-up ${step}`);
        await crash();
      },
    })),
    {
      name: 'when the credit of an automatic top-up is there',
      run: async (customer) => {
        await subscribe(customer);
        customer.tops_up = true;
        await turnOn(customer);
        await bought(customer);
        await crash();
      },
    },
  ];
}

async function turnOn(customer: Customer): Promise<void> {
  const id = await idOf(customer);
  const setting = { threshold_minor: 500, amount_minor: topUpMinor, monthly_limit_minor: topUpMinor };
  const answer = await customer.visitor.request('PUT', `/v1/customers/${id}/auto_top_up`, setting);
  if (!answer.ok) throw new Error(`PUT auto_top_up answered ${answer.status}`);
}

async function idOf({ visitor }: Customer): Promise<string> {
  return (await visitor.get<{ customer: { id: string } }>('/v1/me')).customer.id;
}

async function idAtStripe({ email }: Customer): Promise<string> {
  const [customer] = (await stripe.customers.list({ email, limit: 1 })).data;
  if (customer === undefined) throw new Error(`${email} is no customer at Stripe`);
  return customer.id;
}

async function topUpInvoices(customer: Customer): Promise<Stripe.Invoice[]> {
  const { data } = await stripe.invoices.list({ customer: await idAtStripe(customer), limit: 100 });
  return data.filter((invoice) => invoice.metadata?.['farebox_top_up'] !== undefined);
}

/** The credit of the one purchase that there may be, as soon as there is any. */
async function bought(customer: Customer): Promise<number> {
  const id = await idOf(customer);
  for (let tries = 0; tries < 600; tries += 1) {
    const { data } = await customer.visitor.get<{ data: { amount_minor: number }[] }>(`/v1/customers/${id}/grants`);
    if (data.length > 0) return data.reduce((sum, { amount_minor }) => sum + amount_minor, 0);
    await wait(100);
  }
  return 0;
}

async function judgeTopUp(customer: Customer, fault: (text: string) => void): Promise<void> {
  const granted = await bought(customer);
  if (granted !== topUpMinor) fault(`${granted} of credit was granted`);
  const invoices = await topUpInvoices(customer);
  const paid = invoices.filter(({ status }) => status === 'paid');
  if (paid.length !== 1) fault(`${paid.length} invoices of a top-up are paid`);
  const open = invoices.filter(({ status }) => status !== 'paid' && status !== 'void');
  if (open.length > 0) fault(`${open.length} invoices of a top-up are ${open[0]?.status}`);
  const intents = await stripe.paymentIntents.list({ customer: await idAtStripe(customer), limit: 100 });
  const charged = intents.data.filter(({ amount, status }) => amount === topUpMinor && status === 'succeeded');
  if (charged.length !== 1) fault(`${charged.length} payments of a top-up`);
}

async function crash(): Promise<void> {
  await program.kill();
  program = await restart();
}

/** The request's answer, if it comes, is what the customer knows; without one it knows nothing. */
async function crashDuring(request: Promise<unknown>, delayMs: number): Promise<void> {
  const answer = request.then(
    () => undefined,
    (error: unknown) => (isCut(error) ? undefined : Promise.reject(error)),
  );
  await wait(delayMs);
  await program.kill();
  await answer;
  program = await restart();
}

function isCut(error: unknown): boolean {
  return error instanceof TypeError || (error instanceof Error && / answered 5\d\d/.test(error.message));
}

async function restart(): Promise<Program> {
  const next = await startProgram({ port, data_dir: folder });
  starts += 1;
  slowestRestart = Math.max(slowestRestart, next.started_in_s);
  return next;
}

async function signUp(email: string): Promise<Customer> {
  const visitor = createVisitor(program.url);
  await visitor.post('/auth/sign-up/email', { name: 'Crash Test', email, password: 'a long enough password' });
  const customer: Customer = {
    email,
    visitor,
    plan: 'starter',
    key: null,
    acknowledged: 0,
    named: new Set(),
    tops_up: false,
  };
  customers.push(customer);
  return customer;
}

async function openCheckout(customer: Customer): Promise<string> {
  const checkout = await customer.visitor.post<{ id: string; url: string }>('/v1/checkout_sessions', {
    plan_id: customer.plan,
  });
  return checkout.url;
}

async function pay(customer: Customer): Promise<void> {
  const paid = await payOnPage(await openCheckout(customer));
  if (paid.status !== 303) throw new Error(`the hosted page answered ${paid.status}`);
}

async function refresh(customer: Customer): Promise<void> {
  // Asking for the same checkout again is what a reloaded return page does.
  const answer = await customer.visitor.request('POST', '/v1/checkout_sessions', { plan_id: customer.plan });
  if (answer.status >= 500) throw new Error(`POST /v1/checkout_sessions answered ${answer.status}`);
}

async function reveal(customer: Customer): Promise<void> {
  const answer = await customer.visitor.request('POST', '/v1/keys/first');
  if (answer.status === 200) customer.key = ((await answer.json()) as { secret: string }).secret;
  else if (answer.status >= 500) throw new Error(`POST /v1/keys/first answered ${answer.status}`);
}

async function subscribe(customer: Customer): Promise<void> {
  await pay(customer);
  await refresh(customer);
  await reveal(customer);
}

async function call(customer: Customer, times: number): Promise<void> {
  for (let count = 0; count < times; count += 1) {
    const response = await fetch(`${program.url}/v1/gate/forward-auth`, {
      headers: { authorization: `Bearer ${customer.key}` },
    });
    if (response.status !== 200) throw new Error(`a paid key was answered ${response.status}`);
  }
  // The dashboard showing it is the acknowledgement: what it showed must still be there afterwards.
  for (let tries = 0; tries < 100; tries += 1) {
    const summary = await customer.visitor.get<{ meters: { quantity: number }[] }>('/v1/usage/summary');
    if (summary.meters[0]?.quantity === customer.acknowledged + times) {
      customer.acknowledged += times;
      return;
    }
    await wait(20);
  }
  throw new Error('usage did not reach the dashboard');
}

async function moveClock(hours: number): Promise<void> {
  const response = await fetch(`${program.stripe_url}/_sandbox/clock/advance`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ hours }),
  });
  if (!response.ok) throw new Error(`the clock answered ${response.status}`);
}

/** The customer tries again what it was doing: buys if it has nothing, asks for its key, goes on. */
async function finish(customer: Customer): Promise<void> {
  const again = await customer.visitor.request('POST', '/v1/checkout_sessions', { plan_id: customer.plan });
  if (again.status === 201) {
    const { url } = (await again.json()) as { url: string };
    const paid = await payOnPage(url);
    if (paid.status !== 303) found.push(`${customer.email}: could not finish paying (${paid.status})`);
    await refresh(customer);
  } else if (again.status !== 409) found.push(`${customer.email}: the second try was answered ${again.status}`);
  if (customer.key === null) await reveal(customer);
  if (customer.tops_up) await turnOn(customer);
}

async function judge(customer: Customer): Promise<void> {
  const fault = (text: string) => found.push(`${customer.email}: ${text}`);
  const { data: subscriptions } = await customer.visitor.get<{ data: { status: string }[] }>('/v1/subscriptions');
  if (subscriptions.length !== 1 || subscriptions[0]?.status !== 'active')
    fault(`subscriptions here: ${JSON.stringify(subscriptions.map(({ status }) => status))}`);
  const [atStripe, ...others] = (await stripe.customers.list({ email: customer.email, limit: 10 })).data;
  if (atStripe === undefined || others.length > 0)
    return void fault(`${others.length + (atStripe === undefined ? 0 : 1)} customers at Stripe`);
  const bought = await stripe.subscriptions.list({ customer: atStripe.id, status: 'all' });
  if (bought.data.length !== 1) fault(`${bought.data.length} subscriptions at Stripe`);
  const charges = (await stripe.charges.list({ customer: atStripe.id, limit: 100 })).data.filter(
    (charge) => charge.paid,
  );
  const invoices = (await stripe.invoices.list({ customer: atStripe.id, limit: 100 })).data;
  const charged = charges.reduce((sum, charge) => sum + charge.amount, 0);
  const invoiced = invoices
    .filter((invoice) => invoice.status === 'paid')
    .reduce((sum, invoice) => sum + invoice.total, 0);
  if (charged !== invoiced) fault(`charged ${charged}, invoiced ${invoiced}`);
  const periods = new Set(invoices.map((invoice) => `${invoice.billing_reason} ${invoice.created}`));
  if (periods.size !== invoices.length) fault('two invoices for one period');
  const { data: local } = await customer.visitor.get<{ data: { status: string; total_minor: number }[] }>(
    '/v1/invoices?limit=100',
  );
  const paidHere = local
    .filter((invoice) => invoice.status === 'paid')
    .reduce((sum, invoice) => sum + invoice.total_minor, 0);
  if (paidHere !== invoiced) fault(`paid here ${paidHere}, at Stripe ${invoiced}`);
  if (customer.tops_up) await judgeTopUp(customer, fault);
  const { data: keys } = await customer.visitor.get<{ data: unknown[] }>('/v1/keys');
  if (keys.length !== 1) fault(`${keys.length} keys`);
  const from = new Date(Date.now() - 40 * 86_400_000).toISOString();
  const to = new Date(Date.now() + 400 * 86_400_000).toISOString();
  const series = await customer.visitor.get<{ data: { quantity: number }[] }>(
    `/v1/usage?window=day&from=${from}&to=${to}`,
  );
  const stored = series.data.reduce((sum, point) => sum + point.quantity, 0);
  if (stored < customer.acknowledged) fault(`usage seen ${customer.acknowledged}, stored ${stored}`);
}
