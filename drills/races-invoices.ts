import type Stripe from 'stripe';
import type { Visitor } from '../packages/server/test/visitor.ts';

const invoices = 50;
const callers = 50;

interface Tally {
  invoices: number;
  finalized: number;
  voided: number;
}

/**
 * Fifty callers finalize and void one invoice at once, for fifty invoices of one subscription: each is finalized once, voided once,
 * numbered without a gap, told once of each, and here as it is at Stripe.
 */
export async function raceInvoices(
  stripe: Stripe,
  { visitor, email }: { visitor: Visitor; email: string },
  settled: (holds: () => Promise<boolean>, what: string) => Promise<void>,
): Promise<Tally & { faults: string[] }> {
  const faults: string[] = [];
  const customer = (await stripe.customers.list({ email })).data[0]?.id ?? '';
  const subscription = (await stripe.subscriptions.list({ customer })).data[0]?.id ?? '';
  const raced: string[] = [];
  const tally: Tally = { invoices, finalized: 0, voided: 0 };
  for (let made = 0; made < invoices; made += 1) {
    const draft = await stripe.invoices.create({ customer, subscription, auto_advance: false });
    await stripe.invoiceItems.create({ customer, invoice: draft.id ?? '', amount: 100 + made, currency: 'usd' });
    const { finalized, voided } = await race(stripe, draft.id ?? '');
    if (finalized !== 1) faults.push(`an invoice was finalized ${finalized} times`);
    if (voided !== 1) faults.push(`an invoice was voided ${voided} times`);
    tally.finalized += finalized;
    tally.voided += voided;
    raced.push((await stripe.invoices.retrieve(draft.id ?? '')).number ?? '');
  }
  const all = await stripe.invoices.list({ customer, limit: 100 }).autoPagingToArray({ limit: 1000 });
  const numbers = all.flatMap(({ number }) => (number === null ? [] : [Number(number.split('-').at(-1))]));
  const inOrder = numbers.toSorted((a, b) => a - b);
  if (inOrder.some((number, index) => number !== index + 1))
    faults.push(`numbers with a gap or twice: ${inOrder.join()}`);
  await settled(async () => {
    const told = await tellings(visitor, 'invoice.voided');
    return raced.every((number) => told.has(number));
  }, 'every voided invoice was told');
  for (const type of ['invoice.finalized', 'invoice.voided'])
    for (const [number, times] of await tellings(visitor, type))
      if (times !== 1) faults.push(`${type} of ${number} was told ${times} times`);
  return { ...tally, faults };
}

/** Half finalize and half void, then everybody voids what is left. Answers how many succeeded; a refusal must be Stripe's 400. */
async function race(stripe: Stripe, id: string): Promise<{ finalized: number; voided: number }> {
  const finalize = async () => await accepted(stripe.invoices.finalizeInvoice(id));
  const voidIt = async () => await accepted(stripe.invoices.voidInvoice(id));
  const first = await Promise.all(
    Array.from({ length: callers }, async (_, index) =>
      index % 2 === 0 ? { finalized: await finalize(), voided: 0 } : { finalized: 0, voided: await voidIt() },
    ),
  );
  const then = await Promise.all(Array.from({ length: callers }, voidIt));
  return {
    finalized: first.reduce((sum, { finalized }) => sum + finalized, 0),
    voided: first.reduce((sum, { voided }) => sum + voided, 0) + then.reduce((sum, voided) => sum + voided, 0),
  };
}

async function accepted(call: Promise<unknown>): Promise<number> {
  try {
    await call;
    return 1;
  } catch (error) {
    if (error instanceof Error && 'statusCode' in error && error.statusCode === 400) return 0;
    throw error;
  }
}

/** How often the customer's webhooks were told of each of its invoices, by the invoice's number. */
async function tellings(visitor: Visitor, type: string): Promise<Map<string, number>> {
  const told = new Map<string, number>();
  let after = '';
  for (;;) {
    const page = await visitor.get<{
      data: { id: string; data: { object: { number: string } } }[];
      has_more: boolean;
    }>(`/v1/events?type=${type}&limit=100${after}`);
    for (const { data } of page.data) {
      const { number } = data.object;
      told.set(number, (told.get(number) ?? 0) + 1);
    }
    if (!page.has_more) return told;
    after = `&starting_after=${page.data.at(-1)?.id ?? ''}`;
  }
}
