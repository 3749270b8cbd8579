import type Stripe from 'stripe';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Bench, bench, idOf, refusal, standing, subscriber } from './harness.ts';
import { addsUp } from './totals.ts';

let b: Bench;
let stripe: Stripe;
let customer: string;
beforeEach(async () => {
  b = await bench({ now: standing('2027-01-01T00:00:00Z'), frozen: true });
  stripe = b.stripe;
  customer = (await stripe.customers.create({ email: 'ada@example.com', name: 'Ada' })).id;
  const method = await stripe.paymentMethods.attach('pm_card_visa', { customer });
  await stripe.customers.update(customer, { invoice_settings: { default_payment_method: method.id } });
});
afterEach(async () => {
  await addsUp(stripe);
  await b.close();
});

async function open(amount: number): Promise<string> {
  const { id } = await stripe.invoices.create({ customer, currency: 'usd' });
  await stripe.invoices.addLines(id, { lines: [{ amount, description: 'Work' }] });
  await stripe.invoices.finalizeInvoice(id, { auto_advance: false });
  return id;
}

/** An intent of the customer, paid at once unless it only waits. */
async function intent(amount: number, confirm = true, currency = 'usd'): Promise<string> {
  const { id } = await stripe.paymentIntents.create({
    amount,
    currency,
    customer,
    payment_method: 'pm_card_visa',
    automatic_payment_methods: { enabled: true, allow_redirects: 'never' },
    confirm,
  });
  return id;
}

async function payments(invoice: string): Promise<Stripe.InvoicePayment[]> {
  return (await stripe.invoicePayments.list({ invoice })).data.toReversed();
}

async function told(id: string): Promise<string[]> {
  const { data } = await stripe.events.list({ limit: 100 });
  return data
    .filter((event) => {
      const object = event.data.object as { id?: string; invoice?: unknown };
      return object.id === id || object.invoice === id;
    })
    .map((event) => event.type)
    .toReversed();
}

describe('paying without Stripe', () => {
  test('nothing is charged, the default payment is canceled, and the amount is told apart', async () => {
    const id = await open(700);
    const paid = await stripe.invoices.pay(id, { paid_out_of_band: true });
    expect(paid).toMatchObject({
      status: 'paid',
      amount_paid: 700,
      amount_paid_off_stripe: 700,
      amount_remaining: 0,
      attempt_count: 0,
    });
    const [payment] = await payments(id);
    expect(payment).toMatchObject({ status: 'canceled', is_default: true, amount_paid: null });
    const asked = await stripe.paymentIntents.retrieve(idOf(payment?.payment.payment_intent ?? null));
    expect(asked.status).toBe('canceled');
    expect((await stripe.charges.list({ customer })).data).toHaveLength(0);
    const events = await told(id);
    expect(events).toContain('invoice.paid');
    expect(events).not.toContain('invoice.payment_succeeded');
  });

  test('a draft is finalized first, a bad debt may still be paid so, and what is paid may not be again', async () => {
    const { id } = await stripe.invoices.create({ customer, currency: 'usd' });
    await stripe.invoices.addLines(id, { lines: [{ amount: 700 }] });
    const paid = await stripe.invoices.pay(id, { paid_out_of_band: true, forgive: true });
    expect(paid.status_transitions).toMatchObject({ finalized_at: expect.any(Number), paid_at: expect.any(Number) });
    const bad = await open(900);
    await stripe.invoices.markUncollectible(bad);
    expect(await stripe.invoices.pay(bad, { paid_out_of_band: true })).toMatchObject({ status: 'paid' });
    expect((await refusal(stripe.invoices.pay(bad, { paid_out_of_band: true }))).message).toBe(
      'Invoice is already paid',
    );
    const other = await open(900);
    const both = stripe.invoices.pay(other, { paid_out_of_band: true, payment_method: 'pm_card_visa' });
    expect(await refusal(both)).toMatchObject({ param: 'payment_method' });
  });

  test('a subscription in arrears goes on when its invoice is paid without Stripe', async () => {
    const made = await subscriber(stripe, { card: 'pm_card_chargeCustomerFail' });
    await b.sandbox.clock.advance(33 * 86_400_000);
    const late = await stripe.subscriptions.retrieve(made.subscription.id);
    expect(late.status).toBe('past_due');
    await stripe.invoices.pay(idOf(late.latest_invoice), { paid_out_of_band: true });
    expect(await stripe.subscriptions.retrieve(late.id)).toMatchObject({ status: 'active' });
  });
});

describe('several payments', () => {
  test('a paid intent lowers what is left; the default payment asks for the rest and settles it', async () => {
    const id = await open(1_000);
    const part = await intent(400);
    const partly = await stripe.invoices.attachPayment(id, { payment_intent: part, expand: ['payments'] });
    expect(partly).toMatchObject({ status: 'open', amount_due: 1_000, amount_paid: 400, amount_remaining: 600 });
    expect(await payments(id)).toMatchObject([
      { is_default: true, status: 'open', amount_requested: 600 },
      { is_default: false, status: 'paid', amount_requested: 400, amount_paid: 400 },
    ]);
    expect(await told(id)).toEqual(expect.arrayContaining(['invoice.updated', 'invoice_payment.paid']));
    expect(await told(id)).not.toContain('invoice.paid');
    const found = await stripe.invoicePayments.list({ payment: { type: 'payment_intent', payment_intent: part } });
    expect(found.data.map((each) => each.invoice)).toEqual([id]);
    expect(await stripe.invoices.pay(id)).toMatchObject({ status: 'paid', amount_paid: 1_000, amount_overpaid: 0 });
    const charges = await stripe.charges.list({ customer });
    expect(charges.data.map((charge) => charge.amount)).toEqual([600, 400]);
  });

  test('an intent that succeeds later is credited then; the last one pays the invoice and cancels the default', async () => {
    const id = await open(1_000);
    const waiting = [await intent(300, false), await intent(700, false)];
    for (const each of waiting) await stripe.invoices.attachPayment(id, { payment_intent: each });
    expect(await stripe.invoices.retrieve(id)).toMatchObject({ amount_paid: 0, amount_remaining: 1_000 });
    await stripe.paymentIntents.confirm(waiting[0] ?? '');
    expect(await stripe.invoices.retrieve(id)).toMatchObject({ amount_paid: 300, amount_remaining: 700 });
    await stripe.paymentIntents.confirm(waiting[1] ?? '');
    expect(await stripe.invoices.retrieve(id)).toMatchObject({ status: 'paid', amount_paid: 1_000 });
    expect((await payments(id)).map((each) => each.status)).toEqual(['canceled', 'paid', 'paid']);
  });

  test('what is too much goes to the balance and pays the next invoice', async () => {
    const id = await open(1_000);
    const waiting = await intent(1_000, false);
    await stripe.invoices.attachPayment(id, { payment_intent: waiting });
    const over = await stripe.invoices.attachPayment(id, { payment_intent: await intent(1_500) });
    expect(over).toMatchObject({ status: 'paid', amount_paid: 1_000, amount_overpaid: 500, amount_remaining: 0 });
    expect(await told(id)).toContain('invoice.overpaid');
    await stripe.paymentIntents.confirm(waiting);
    expect(await stripe.invoices.retrieve(id)).toMatchObject({ amount_paid: 1_000, amount_overpaid: 1_500 });
    expect(await stripe.customers.retrieve(customer)).toMatchObject({ balance: -1_500 });
    const ledger = await stripe.customers.listBalanceTransactions(customer);
    expect(ledger.data.map(({ amount, type }) => [amount, type])).toEqual([
      [-1_000, 'invoice_overpaid'],
      [-500, 'invoice_overpaid'],
    ]);
    const next = await open(600);
    expect(await stripe.invoices.retrieve(next)).toMatchObject({
      status: 'paid',
      amount_due: 0,
      starting_balance: -1_500,
    });
  });

  test('a hold counts when it is captured, a canceled intent asks for nothing', async () => {
    const id = await open(1_000);
    const hold = await stripe.paymentIntents.create({
      amount: 800,
      currency: 'usd',
      customer,
      payment_method: 'pm_card_visa',
      capture_method: 'manual',
      automatic_payment_methods: { enabled: true, allow_redirects: 'never' },
      confirm: true,
    });
    await stripe.invoices.attachPayment(id, { payment_intent: hold.id });
    await stripe.paymentIntents.capture(hold.id, { amount_to_capture: 500 });
    expect(await stripe.invoices.retrieve(id)).toMatchObject({ amount_paid: 500, amount_remaining: 500 });
    const dropped = await intent(200, false);
    await stripe.invoices.attachPayment(id, { payment_intent: dropped });
    await stripe.paymentIntents.cancel(dropped);
    expect((await payments(id)).map((each) => each.status)).toEqual(['open', 'paid', 'canceled']);
  });

  test('only what fits is attached, and what is attached keeps the invoice from being voided', async () => {
    const id = await open(1_000);
    const stranger = await stripe.paymentIntents.create({ amount: 100, currency: 'usd' });
    const refunded = await intent(100);
    await stripe.refunds.create({ payment_intent: refunded });
    const [own] = await payments(id);
    const wrong = [
      stranger.id,
      await intent(100, true, 'eur'),
      await intent(1_001, false),
      refunded,
      idOf(own?.payment.payment_intent ?? null),
      'pi_none',
    ];
    for (const payment_intent of wrong) {
      const refused = await refusal(stripe.invoices.attachPayment(id, { payment_intent }));
      expect(refused).toMatchObject({ statusCode: 400, param: 'payment_intent' });
    }
    expect((await refusal(stripe.invoices.attachPayment(id))).code).toBe('parameter_missing');
    const waiting = await intent(100, false);
    await stripe.invoices.attachPayment(id, { payment_intent: waiting });
    await refusal(stripe.invoices.voidInvoice(id));
    await refusal(stripe.invoices.markUncollectible(id));
    await stripe.paymentIntents.confirm(waiting);
    expect((await refusal(stripe.invoices.voidInvoice(id))).message).toMatch(/credit note/);
    expect(await stripe.invoices.markUncollectible(id)).toMatchObject({ status: 'uncollectible', amount_paid: 100 });
  });

  test('a subscription that is charged automatically takes no part of an invoice, one that is sent does', async () => {
    const made = await subscriber(stripe, { card: 'pm_card_chargeCustomerFail' });
    customer = made.customer.id;
    await b.sandbox.clock.advance(33 * 86_400_000);
    const late = await stripe.subscriptions.retrieve(made.subscription.id);
    const invoice = idOf(late.latest_invoice);
    const part = await refusal(stripe.invoices.attachPayment(invoice, { payment_intent: await intent(100) }));
    expect(part.message).toMatch(/Partial payments/);
    await stripe.invoices.attachPayment(invoice, { payment_intent: await intent(49_900) });
    expect(await stripe.subscriptions.retrieve(late.id)).toMatchObject({ status: 'active' });
  });
});

describe('what pays', () => {
  test('a method of somebody else and a mandate of another card are refused; the right ones pay', async () => {
    const id = await open(700);
    const stranger = (await stripe.customers.create()).id;
    const theirs = await stripe.paymentMethods.attach('pm_card_visa', { customer: stranger });
    expect(await refusal(stripe.invoices.pay(id, { payment_method: theirs.id }))).toMatchObject({
      param: 'payment_method',
    });
    const setup = await stripe.setupIntents.create({
      customer,
      payment_method: 'pm_card_mastercard',
      usage: 'off_session',
      confirm: true,
      automatic_payment_methods: { enabled: true, allow_redirects: 'never' },
      mandate_data: {
        customer_acceptance: { type: 'offline', offline: {} },
      },
    });
    const mandate = idOf(setup.mandate);
    expect(await refusal(stripe.invoices.pay(id, { mandate }))).toMatchObject({ param: 'mandate' });
    expect(await refusal(stripe.invoices.pay(id, { mandate: 'mandate_none' }))).toMatchObject({ param: 'mandate' });
    const paid = await stripe.invoices.pay(id, { mandate, payment_method: idOf(setup.payment_method) });
    expect(paid).toMatchObject({ status: 'paid' });
  });

  test('an amount too small to be charged is carried to the balance and paid with the next', async () => {
    const id = await open(30);
    expect(await stripe.invoices.retrieve(id)).toMatchObject({
      status: 'paid',
      total: 30,
      amount_due: 0,
      amount_paid: 0,
      starting_balance: 0,
      ending_balance: 30,
    });
    expect((await stripe.customers.listBalanceTransactions(customer)).data).toMatchObject([
      { amount: 30, type: 'invoice_too_small', invoice: id },
    ]);
    const next = await open(100);
    expect(await stripe.invoices.pay(next)).toMatchObject({ amount_due: 130, amount_paid: 130, ending_balance: 0 });
  });
});
