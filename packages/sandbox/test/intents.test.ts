import type Stripe from 'stripe';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Bench, bench, idOf, monthlyPrice, refusal, submit } from './harness.ts';
import { addsUp } from './totals.ts';

let b: Bench;
beforeEach(async () => {
  b = await bench();
});
afterEach(async () => {
  await addsUp(b.stripe);
  await b.close();
});

const return_url = 'http://shop.test/back?order=7';

async function types(): Promise<string[]> {
  return (await b.stripe.events.list({ limit: 100 })).data.map((event) => event.type).toReversed();
}

/** Presses a button of the bank's page and tells where it leads. */
async function bank(intent: Stripe.PaymentIntent | Stripe.SetupIntent, action: 'authenticate' | 'fail'): Promise<URL> {
  const url = intent.next_action?.redirect_to_url?.url ?? '';
  expect(await (await fetch(url)).text()).toContain('Complete authentication');
  const response = await submit(url, { action });
  return new URL(response.headers.get('location') ?? '');
}

describe('payment intents', () => {
  test('a card pays at once, in two steps, or on capture', async () => {
    const { stripe } = b;
    const paid = await stripe.paymentIntents.create({
      amount: 2_000,
      currency: 'usd',
      payment_method: 'pm_card_visa',
      confirm: true,
      return_url,
      expand: ['latest_charge'],
    });
    expect(paid).toMatchObject({ status: 'succeeded', amount_received: 2_000, latest_charge: { captured: true } });
    expect(await types()).toEqual([
      'payment_intent.created',
      'charge.succeeded',
      'payment_intent.succeeded',
      'charge.updated',
    ]);
    const two = await stripe.paymentIntents.create({ amount: 500, currency: 'usd', metadata: { a: '1' } });
    expect(two.status).toBe('requires_payment_method');
    expect((await refusal(stripe.paymentIntents.confirm(two.id))).code).toBe('payment_intent_unexpected_state');
    const ready = await stripe.paymentIntents.update(two.id, { payment_method: 'pm_card_mastercard', amount: 600 });
    expect(ready).toMatchObject({ status: 'requires_confirmation', amount: 600 });
    expect((await stripe.paymentIntents.confirm(two.id, { return_url })).status).toBe('succeeded');
    const held = await stripe.paymentIntents.create({
      amount: 900,
      currency: 'usd',
      capture_method: 'manual',
      payment_method: 'pm_card_visa',
      confirm: true,
      return_url,
    });
    expect(held).toMatchObject({ status: 'requires_capture', amount_capturable: 900, amount_received: 0 });
    expect((await refusal(stripe.refunds.create({ payment_intent: held.id }))).statusCode).toBe(400);
    const captured = await stripe.paymentIntents.capture(held.id, { amount_to_capture: 800 });
    expect(captured).toMatchObject({ status: 'succeeded', amount_capturable: 0, amount_received: 800 });
    const refund = await stripe.refunds.create({ payment_intent: held.id });
    expect((await stripe.refunds.retrieve(refund.id)).amount).toBe(800);
    expect((await refusal(stripe.paymentIntents.cancel(held.id))).code).toBe('payment_intent_unexpected_state');
    expect((await stripe.paymentIntents.list()).data).toHaveLength(3);
  });

  test('a held amount can be let go', async () => {
    const { stripe } = b;
    const held = await stripe.paymentIntents.create({
      amount: 900,
      currency: 'usd',
      capture_method: 'manual',
      payment_method: 'pm_card_visa',
      confirm: true,
      return_url,
    });
    const canceled = await stripe.paymentIntents.cancel(held.id, { cancellation_reason: 'abandoned' });
    expect(canceled).toMatchObject({ status: 'canceled', cancellation_reason: 'abandoned', amount_capturable: 0 });
    expect((await refusal(stripe.paymentIntents.confirm(held.id))).code).toBe('payment_intent_unexpected_state');
  });

  test.each([
    ['pm_card_chargeDeclined', 'card_declined', 'generic_decline'],
    ['pm_card_chargeDeclinedInsufficientFunds', 'card_declined', 'insufficient_funds'],
    ['pm_card_visa_chargeDeclinedLostCard', 'card_declined', 'lost_card'],
    ['pm_card_visa_chargeDeclinedStolenCard', 'card_declined', 'stolen_card'],
    ['pm_card_chargeDeclinedExpiredCard', 'expired_card', ''],
    ['pm_card_chargeDeclinedIncorrectCvc', 'incorrect_cvc', ''],
    ['pm_card_chargeDeclinedProcessingError', 'processing_error', ''],
    ['pm_card_chargeCustomerFail', 'card_declined', 'generic_decline'],
    ['pm_card_radarBlock', 'card_declined', 'fraudulent'],
    ['pm_card_threeDSecureRequiredProcessingError', 'card_declined', 'generic_decline'],
  ])('%s is refused with 402 %s %s and the intent inside', async (payment_method, code, decline_code) => {
    const { stripe } = b;
    const params = { amount: 500, currency: 'usd', payment_method, confirm: true, return_url };
    const error = await refusal(stripe.paymentIntents.create(params));
    expect(error).toMatchObject({ statusCode: 402, type: 'StripeCardError', code, decline_code });
    expect(error.payment_intent).toMatchObject({
      status: 'requires_payment_method',
      payment_method: null,
      last_payment_error: { code, payment_method: { object: 'payment_method' } },
    });
    expect((await stripe.charges.retrieve(error.charge ?? '')).status).toBe('failed');
    expect(await types()).toEqual(['payment_intent.created', 'charge.failed', 'payment_intent.payment_failed']);
  });

  test('3-D Secure leads to the bank and back, and may be passed or failed', async () => {
    const { stripe } = b;
    const ask = async (payment_method: string): Promise<Stripe.PaymentIntent> =>
      await stripe.paymentIntents.create({ amount: 500, currency: 'usd', payment_method, confirm: true, return_url });
    const asked = await ask('pm_card_authenticationRequired');
    expect(asked).toMatchObject({ status: 'requires_action', next_action: { redirect_to_url: { return_url } } });
    const back = await bank(asked, 'authenticate');
    expect(Object.fromEntries(back.searchParams)).toEqual({
      order: '7',
      payment_intent: asked.id,
      payment_intent_client_secret: asked.client_secret,
      redirect_status: 'succeeded',
    });
    expect((await stripe.paymentIntents.retrieve(asked.id)).status).toBe('succeeded');
    const failed = await ask('pm_card_threeDSecure2Required');
    expect((await bank(failed, 'fail')).searchParams.get('redirect_status')).toBe('failed');
    expect(await stripe.paymentIntents.retrieve(failed.id)).toMatchObject({
      status: 'requires_payment_method',
      last_payment_error: { code: 'payment_intent_authentication_failure' },
      latest_charge: null,
    });
    const declined = await ask('pm_card_threeDSecureRequiredChargeDeclined');
    expect((await bank(declined, 'authenticate')).searchParams.get('redirect_status')).toBe('failed');
    expect((await stripe.paymentIntents.retrieve(declined.id)).last_payment_error?.code).toBe('card_declined');
    expect((await ask('pm_card_threeDSecureOptional')).status).toBe('succeeded');
    const sdk = await stripe.paymentIntents.create({
      amount: 1,
      currency: 'usd',
      payment_method: 'pm_card_authenticationRequired',
      confirm: true,
    });
    expect(sdk.next_action?.type).toBe('use_stripe_sdk');
    const guessed = (asked.next_action?.redirect_to_url?.url ?? '').replace(/.$/, '');
    expect((await fetch(guessed)).status).toBe(404);
  });

  test('off session a card that asks for its holder is refused, one set up for it pays', async () => {
    const { stripe } = b;
    const customer = (await stripe.customers.create()).id;
    const off = async (payment_method: string): Promise<Stripe.PaymentIntent> =>
      await stripe.paymentIntents.create({
        amount: 500,
        currency: 'usd',
        customer,
        payment_method,
        confirm: true,
        off_session: true,
      });
    const error = await refusal(off('pm_card_authenticationRequired'));
    expect(error).toMatchObject({ statusCode: 402, code: 'authentication_required' });
    expect(error.payment_intent?.status).toBe('requires_payment_method');
    expect((await off('pm_card_authenticationRequiredSetupForOffSession')).status).toBe('succeeded');
    const setup = await stripe.setupIntents.create({
      customer,
      payment_method: 'pm_card_authenticationRequiredOnSetup',
      confirm: true,
      return_url,
    });
    await bank(setup, 'authenticate');
    expect((await off(idOf(setup.payment_method))).status).toBe('succeeded');
  });

  test('confirming the intent of a first invoice pays it and starts the subscription', async () => {
    const { stripe } = b;
    const price = await monthlyPrice(stripe, 1_000);
    const customer = (await stripe.customers.create()).id;
    const subscription = await stripe.subscriptions.create({
      customer,
      items: [{ price: price.id }],
      payment_behavior: 'default_incomplete',
      expand: ['latest_invoice.confirmation_secret', 'latest_invoice.payments'],
    });
    const invoice = subscription.latest_invoice as Stripe.Invoice;
    const intent = idOf(invoice.payments?.data[0]?.payment.payment_intent);
    const method = await stripe.paymentMethods.attach('pm_card_threeDSecure2Required', { customer });
    const asked = await stripe.paymentIntents.confirm(intent, { payment_method: method.id, return_url });
    expect(asked.status).toBe('requires_action');
    await bank(asked, 'authenticate');
    expect((await stripe.subscriptions.retrieve(subscription.id)).status).toBe('active');
    expect((await stripe.invoices.retrieve(invoice.id)).status).toBe('paid');
    expect((await refusal(stripe.paymentIntents.cancel(intent))).statusCode).toBe(400);
  });
});

describe('setup intents', () => {
  test('keep a card for a customer without charging it', async () => {
    const { stripe } = b;
    const customer = (await stripe.customers.create()).id;
    const setup = await stripe.setupIntents.create({ customer, usage: 'off_session' });
    expect(setup).toMatchObject({ status: 'requires_payment_method', usage: 'off_session' });
    await stripe.setupIntents.update(setup.id, { payment_method: 'pm_card_visa', metadata: { a: '1' } });
    const done = await stripe.setupIntents.confirm(setup.id, { return_url, expand: ['payment_method'] });
    expect(done).toMatchObject({ status: 'succeeded', payment_method: { customer } });
    expect((await stripe.setupIntents.list({ customer })).data).toHaveLength(1);
    expect((await refusal(stripe.setupIntents.cancel(setup.id))).code).toBe('setup_intent_unexpected_state');
    expect(await types()).toEqual([
      'customer.created',
      'setup_intent.created',
      'payment_method.attached',
      'setup_intent.succeeded',
    ]);
    const other = await stripe.setupIntents.create();
    expect((await stripe.setupIntents.cancel(other.id)).status).toBe('canceled');
  });

  test('refuse a card that cannot be saved, and one whose holder does not confirm', async () => {
    const { stripe } = b;
    const error = await refusal(
      stripe.setupIntents.create({ payment_method: 'pm_card_chargeDeclined', confirm: true, return_url }),
    );
    expect(error).toMatchObject({ statusCode: 402, code: 'card_declined', decline_code: 'generic_decline' });
    expect(error.setup_intent).toMatchObject({ status: 'requires_payment_method' });
    const asked = await stripe.setupIntents.create({
      payment_method: 'pm_card_authenticationRequired',
      confirm: true,
      return_url,
    });
    expect(asked.status).toBe('requires_action');
    const back = await bank(asked, 'fail');
    expect(back.searchParams.get('setup_intent')).toBe(asked.id);
    expect(await stripe.setupIntents.retrieve(asked.id)).toMatchObject({
      status: 'requires_payment_method',
      last_setup_error: { code: 'setup_intent_authentication_failure' },
    });
    const later = await stripe.setupIntents.create({
      payment_method: 'pm_card_chargeCustomerFail',
      confirm: true,
      return_url,
    });
    expect(later.status).toBe('succeeded');
  });
});

describe('disputes', () => {
  test('the dispute card is disputed at once; evidence wins or loses', async () => {
    const { stripe } = b;
    const pay = async (): Promise<string> => {
      const payment_method = 'pm_card_createDispute';
      const params = { amount: 500, currency: 'usd', payment_method, confirm: true, return_url };
      return (await stripe.paymentIntents.create(params)).id;
    };
    const [one, two] = [await pay(), await pay()];
    const [dispute] = (await stripe.disputes.list({ payment_intent: one })).data;
    expect(dispute).toMatchObject({ amount: 500, reason: 'fraudulent', status: 'needs_response' });
    expect((await stripe.charges.retrieve(idOf(dispute?.charge))).disputed).toBe(true);
    expect((await refusal(stripe.refunds.create({ payment_intent: one }))).code).toBe('charge_disputed');
    const won = await stripe.disputes.update(dispute?.id ?? '', {
      evidence: { uncategorized_text: 'winning_evidence' },
    });
    expect(won.status).toBe('won');
    expect((await stripe.refunds.create({ payment_intent: one })).amount).toBe(500);
    const [other] = (await stripe.disputes.list({ payment_intent: two })).data;
    expect((await stripe.disputes.close(other?.id ?? '')).status).toBe('lost');
    const said = (await types()).filter((type) => type.startsWith('charge.dispute.'));
    expect(said.filter((type) => !type.endsWith('updated'))).toEqual([
      'charge.dispute.created',
      'charge.dispute.funds_withdrawn',
      'charge.dispute.created',
      'charge.dispute.funds_withdrawn',
      'charge.dispute.funds_reinstated',
      'charge.dispute.closed',
      'charge.dispute.closed',
    ]);
  });
});
