import type Stripe from 'stripe';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { chargeFee } from '../src/billing/fees.ts';
import { type Bench, bench, DAY, idOf, refusal, submit } from './harness.ts';

let b: Bench;
beforeEach(async () => {
  b = await bench();
});
afterEach(() => b.close());

const return_url = 'http://shop.test/back';

async function paid(
  payment_method: string,
  more: Partial<Stripe.PaymentIntentCreateParams> = {},
): Promise<Stripe.PaymentIntent> {
  return await b.stripe.paymentIntents.create({
    amount: 2_000,
    currency: 'usd',
    payment_method,
    confirm: true,
    return_url,
    ...more,
  });
}

async function moves(): Promise<[string, number, number][]> {
  const { data } = await b.stripe.balanceTransactions.list({ limit: 100 });
  return data.toReversed().map((each) => [each.reporting_category, each.amount, each.fee]);
}

async function since(types: readonly string[]): Promise<string[]> {
  const { data } = await b.stripe.events.list({ limit: 100 });
  return data
    .map((event) => event.type)
    .filter((type) => types.some((each) => type.startsWith(each)))
    .toReversed();
}

test('every literal of the test cards answers as its number does', async () => {
  const table: [string, string, { charge?: string; decline?: string; asks?: boolean }][] = [
    ['4242424242424242', 'pm_card_visa', {}],
    ['5555555555554444', 'pm_card_mastercard', {}],
    ['378282246310005', 'pm_card_amex', {}],
    ['6011111111111117', 'pm_card_discover', {}],
    ['4000000000000341', 'pm_card_chargeCustomerFail', { charge: 'card_declined', decline: 'generic_decline' }],
    ['4000000000000002', 'pm_card_chargeDeclined', { charge: 'card_declined', decline: 'generic_decline' }],
    ['4000000000000002', 'pm_card_visa_chargeDeclined', { charge: 'card_declined', decline: 'generic_decline' }],
    [
      '4000000000009995',
      'pm_card_visa_chargeDeclinedInsufficientFunds',
      { charge: 'card_declined', decline: 'insufficient_funds' },
    ],
    ['4000000000009987', 'pm_card_visa_chargeDeclinedLostCard', { charge: 'card_declined', decline: 'lost_card' }],
    ['4000000000009979', 'pm_card_visa_chargeDeclinedStolenCard', { charge: 'card_declined', decline: 'stolen_card' }],
    ['4000000000000069', 'pm_card_chargeDeclinedExpiredCard', { charge: 'expired_card' }],
    ['4000000000000127', 'pm_card_chargeDeclinedIncorrectCvc', { charge: 'incorrect_cvc' }],
    ['4000000000000119', 'pm_card_chargeDeclinedProcessingError', { charge: 'processing_error' }],
    ['4000002500003155', 'pm_card_authenticationRequiredOnSetup', { asks: true }],
    ['4000002760003184', 'pm_card_authenticationRequired', { asks: true }],
    ['4000000000003220', 'pm_card_threeDSecure2Required', { asks: true }],
    ['4000000000003055', 'pm_card_threeDSecureOptional', {}],
    ['4000008400001629', 'pm_card_threeDSecureRequiredChargeDeclined', { asks: true }],
    ['4100000000000019', 'pm_card_radarBlock', { charge: 'card_declined', decline: 'fraudulent' }],
  ];
  for (const [number, literal, wanted] of table) {
    const data = { type: 'card', card: { number, exp_month: 12, exp_year: 2040 } } as const;
    const ways = [{ payment_method: literal }, { payment_method_data: data }];
    for (const way of ways) {
      const params: Stripe.PaymentIntentCreateParams = {
        amount: 100,
        currency: 'usd',
        confirm: true,
        return_url,
        ...(way as { payment_method: string }),
      };
      if (wanted.charge === undefined) {
        const { status } = await b.stripe.paymentIntents.create(params);
        expect([literal, status]).toEqual([literal, wanted.asks === true ? 'requires_action' : 'succeeded']);
      } else {
        const error = await refusal(b.stripe.paymentIntents.create(params));
        expect([literal, error.statusCode, error.code, error.decline_code || undefined]).toEqual([
          literal,
          402,
          wanted.charge,
          wanted.decline,
        ]);
        expect(error.charge).toMatch(/^ch_/);
        expect(error.payment_method?.card?.last4).toBe(number.slice(-4));
        expect(error.payment_intent?.last_payment_error?.code).toBe(wanted.charge);
      }
    }
  }
});

test('a decline carries its advice, on the error, the charge and the intent', async () => {
  const error = await refusal(paid('pm_card_visa_chargeDeclinedLostCard'));
  expect(error.raw).toMatchObject({ advice_code: 'do_not_try_again', network_decline_code: '41' });
  const charge = await b.stripe.charges.retrieve(String(error.charge));
  expect(charge.outcome).toMatchObject({
    advice_code: 'do_not_try_again',
    network_decline_code: '41',
    type: 'issuer_declined',
  });
  const blocked = await refusal(paid('pm_card_radarBlock'));
  expect((await b.stripe.charges.retrieve(String(blocked.charge))).outcome).toMatchObject({
    network_status: 'not_sent_to_network',
    reason: 'highest_risk_level',
    type: 'blocked',
  });
});

test('3-D Secure can be asked for where the card would not', async () => {
  const asked = await paid('pm_card_threeDSecureOptional', {
    payment_method_options: { card: { request_three_d_secure: 'any' } },
  });
  expect(asked.status).toBe('requires_action');
  await submit(asked.next_action?.redirect_to_url?.url ?? '', { action: 'authenticate' });
  const done = await b.stripe.paymentIntents.retrieve(asked.id, { expand: ['latest_charge'] });
  const charge = done.latest_charge as Stripe.Charge;
  expect(charge.payment_method_details?.card?.three_d_secure).toMatchObject({ result: 'authenticated' });
});

test('a hold is captured in parts, each on the balance, and lapses after seven days', async () => {
  const { stripe, sandbox } = b;
  const manual = { capture_method: 'manual' } as const;
  const single = await paid('pm_card_visa', manual);
  const refused = await refusal(
    stripe.paymentIntents.capture(single.id, { amount_to_capture: 1, final_capture: false }),
  );
  expect(refused.param).toBe('final_capture');
  const held = await paid('pm_card_visa', {
    ...manual,
    payment_method_options: { card: { request_multicapture: 'if_available' } },
  });
  const first = await stripe.paymentIntents.capture(held.id, { amount_to_capture: 500, final_capture: false });
  expect(first).toMatchObject({ status: 'requires_capture', amount_capturable: 1_500, amount_received: 500 });
  expect((await refusal(stripe.paymentIntents.capture(held.id, { amount_to_capture: 1_501 }))).code).toBe(
    'amount_too_large',
  );
  const last = await stripe.paymentIntents.capture(held.id, { amount_to_capture: 700 });
  expect(last).toMatchObject({ status: 'succeeded', amount_capturable: 0, amount_received: 1_200 });
  expect(await moves()).toEqual([
    ['charge', 500, chargeFee(500)],
    ['charge', 700, chargeFee(700)],
  ]);
  await sandbox.clock.advance(7 * DAY);
  const lapsed = await stripe.paymentIntents.retrieve(single.id, { expand: ['latest_charge'] });
  expect(lapsed).toMatchObject({ status: 'canceled', cancellation_reason: 'automatic' });
  expect((lapsed.latest_charge as Stripe.Charge).refunded).toBe(true);
  expect(await since(['charge.expired', 'payment_intent.canceled'])).toEqual([
    'charge.expired',
    'payment_intent.canceled',
  ]);
});

test('the balance is the sum of what moved it, and pending until it is two days old', async () => {
  const { stripe, sandbox } = b;
  const intent = await paid('pm_card_visa', { receipt_email: 'ada@example.com' });
  const charge = await stripe.charges.retrieve(idOf(intent.latest_charge), { expand: ['balance_transaction'] });
  expect(charge.balance_transaction).toMatchObject({ amount: 2_000, fee: 88, net: 1_912, status: 'pending' });
  await stripe.refunds.create({ payment_intent: intent.id, amount: 500 });
  expect(await moves()).toEqual([
    ['charge', 2_000, 88],
    ['refund', -500, 0],
  ]);
  const pending = await stripe.balance.retrieve();
  expect([pending.pending[0]?.amount, pending.available[0]?.amount]).toEqual([1_412, 0]);
  await sandbox.clock.advance(2 * DAY);
  const available = await stripe.balance.retrieve();
  expect([available.pending[0]?.amount, available.available[0]?.amount]).toEqual([0, 1_412]);
  const [refund] = (await stripe.balanceTransactions.list({ type: 'refund', expand: ['data.source'] })).data;
  expect(refund?.source).toMatchObject({ object: 'refund', amount: 500 });
});

test('a receipt is a page and a PDF, and is numbered once it was mailed', async () => {
  const { stripe } = b;
  const intent = await paid('pm_card_visa');
  const charge = await stripe.charges.retrieve(idOf(intent.latest_charge));
  expect(charge.receipt_number).toBeNull();
  const mailed = await stripe.charges.update(charge.id, { receipt_email: 'ada@example.com', metadata: { order: '7' } });
  expect(mailed.receipt_number).toMatch(/^\d{4}-\d{4}$/);
  const text = await (await fetch(mailed.receipt_url ?? '')).text();
  expect(text).toContain(mailed.receipt_number ?? 'no number');
  expect(text).toContain('$20.00');
  const pdf = await fetch(`${mailed.receipt_url}/pdf`);
  expect(Buffer.from(await pdf.arrayBuffer()).toString('latin1')).toMatch(/^%PDF-1\.4[\s\S]*\$20\.00/);
  const [event] = (await stripe.events.list({ type: 'charge.updated' })).data;
  expect(event?.data.previous_attributes).toMatchObject({ receipt_number: null, metadata: { order: null } });
});

describe('refunds', () => {
  test('wait, fail and cannot be canceled when nobody has to act', async () => {
    const { stripe, sandbox } = b;
    const slow = await paid('pm_card_pendingRefund');
    const waiting = await stripe.refunds.create({ payment_intent: slow.id });
    expect(waiting).toMatchObject({ status: 'pending', pending_reason: 'processing' });
    const broken = await paid('pm_card_refundFail');
    const failing = await stripe.refunds.create({ payment_intent: broken.id });
    expect(failing.status).toBe('succeeded');
    expect((await refusal(stripe.refunds.cancel(waiting.id))).message).toContain('requires_action');
    await sandbox.clock.advance(DAY);
    expect((await stripe.refunds.retrieve(waiting.id)).status).toBe('succeeded');
    const failed = await stripe.refunds.retrieve(failing.id);
    expect(failed).toMatchObject({ status: 'failed', failure_reason: 'expired_or_canceled_card' });
    expect((await moves()).map(([category]) => category)).toEqual([
      'charge',
      'refund',
      'charge',
      'refund',
      'refund_failure',
    ]);
    const charge = await stripe.charges.retrieve(idOf(broken.latest_charge));
    expect(charge).toMatchObject({ amount_refunded: 0, refunded: false });
    expect(await since(['refund.failed', 'charge.refund.updated'])).toEqual([
      'charge.refund.updated',
      'refund.failed',
      'charge.refund.updated',
    ]);
  });

  test('keep metadata of their own, and ask for the currency of the charge', async () => {
    const { stripe } = b;
    const intent = await paid('pm_card_visa');
    expect((await refusal(stripe.refunds.create({ payment_intent: intent.id, currency: 'eur' }))).param).toBe(
      'currency',
    );
    const refund = await stripe.refunds.create({ payment_intent: intent.id, amount: 1, currency: 'usd' });
    expect((await stripe.refunds.update(refund.id, { metadata: { why: 'late' } })).metadata).toEqual({ why: 'late' });
  });
});

describe('disputes', () => {
  test('move money with a fee, and it comes back when they are won', async () => {
    const { stripe } = b;
    await paid('pm_card_createDisputeProductNotReceived');
    const [dispute] = (await stripe.disputes.list()).data;
    expect(dispute).toMatchObject({ reason: 'product_not_received', status: 'needs_response' });
    const won = await stripe.disputes.update(dispute?.id ?? '', {
      evidence: { uncategorized_text: 'winning_evidence' },
    });
    expect(won.status).toBe('won');
    expect(won.balance_transactions.map((each) => [each.amount, each.fee])).toEqual([
      [-2_000, 1_500],
      [2_000, 0],
    ]);
  });

  test('are lost when nobody answers in time', async () => {
    const { stripe, sandbox } = b;
    await paid('pm_card_createDispute');
    await sandbox.clock.advance(9 * DAY);
    const [dispute] = (await stripe.disputes.list()).data;
    expect(dispute?.status).toBe('lost');
    expect(await since(['charge.dispute'])).toEqual([
      'charge.dispute.created',
      'charge.dispute.funds_withdrawn',
      'charge.dispute.updated',
      'charge.dispute.closed',
    ]);
  });

  test('begin as inquiries that a refund closes and evidence may escalate', async () => {
    const { stripe } = b;
    const intent = await paid('pm_card_createDisputeInquiry');
    const [inquiry] = (await stripe.disputes.list()).data;
    expect(inquiry).toMatchObject({ status: 'warning_needs_response', is_charge_refundable: true });
    expect(inquiry?.balance_transactions).toEqual([]);
    await stripe.refunds.create({ payment_intent: intent.id });
    expect((await stripe.disputes.retrieve(inquiry?.id ?? '')).status).toBe('warning_closed');
    await paid('pm_card_createDisputeInquiry');
    const [second] = (await stripe.disputes.list()).data;
    const escalated = await stripe.disputes.update(second?.id ?? '', {
      evidence: { uncategorized_text: 'escalate_inquiry_evidence' },
    });
    expect(escalated).toMatchObject({ status: 'needs_response', is_charge_refundable: false });
    expect(escalated.balance_transactions).toHaveLength(1);
  });
});

describe('what a browser would have given', () => {
  test('a confirmation token confirms one intent and no other', async () => {
    const { stripe } = b;
    const token = await stripe.testHelpers.confirmationTokens.create({
      payment_method: 'pm_card_visa',
      return_url,
      shipping: { name: 'Ada', address: { line1: '1 Main St', city: 'London', country: 'GB' } },
    });
    const intent = await stripe.paymentIntents.create({
      amount: 700,
      currency: 'usd',
      confirm: true,
      confirmation_token: token.id,
    });
    expect(intent).toMatchObject({ status: 'succeeded', shipping: { name: 'Ada' } });
    expect((await stripe.confirmationTokens.retrieve(token.id)).payment_intent).toBe(intent.id);
    const again = stripe.paymentIntents.create({
      amount: 700,
      currency: 'usd',
      confirm: true,
      confirmation_token: token.id,
    });
    expect((await refusal(again)).param).toBe('confirmation_token');
  });

  test('a card token makes one payment method', async () => {
    const { stripe } = b;
    const card = { number: '4242424242424242', exp_month: '12', exp_year: '2040', name: 'Ada' };
    const token = await stripe.tokens.create({ card });
    expect(token.card).toMatchObject({ last4: '4242', name: 'Ada' });
    const method = await stripe.paymentMethods.create({ type: 'card', card: { token: token.id } });
    expect(method.billing_details.name).toBe('Ada');
    expect((await stripe.tokens.retrieve(token.id)).used).toBe(true);
    expect((await refusal(stripe.paymentMethods.create({ type: 'card', card: { token: token.id } }))).code).toBe(
      'resource_missing',
    );
  });

  test('a customer session names what it opens, and refuses to open nothing', async () => {
    const { stripe } = b;
    const customer = await stripe.customers.create({ name: 'Ada' });
    const session = await stripe.customerSessions.create({
      customer: customer.id,
      components: { payment_element: { enabled: true, features: { payment_method_redisplay: 'enabled' } } },
    });
    expect(session.components?.payment_element.features?.payment_method_redisplay).toBe('enabled');
    expect(session.client_secret).toMatch(/^cuss_secret_/);
    const none = stripe.customerSessions.create({ customer: customer.id, components: {} });
    expect((await refusal(none)).statusCode).toBe(400);
  });
});

test('a setup keeps its attempts and the mandate of its holder, until the card leaves', async () => {
  const { stripe } = b;
  const customer = await stripe.customers.create({ name: 'Ada' });
  const mandate_data = {
    customer_acceptance: { type: 'online', online: { ip_address: '127.0.0.1', user_agent: 'test' } },
  } as const;
  const setup = await stripe.setupIntents.create({ customer: customer.id });
  const declined = await refusal(
    stripe.setupIntents.confirm(setup.id, { payment_method: 'pm_card_chargeDeclined', return_url }),
  );
  expect(declined.setup_intent?.last_setup_error?.code).toBe('card_declined');
  const done = await stripe.setupIntents.confirm(setup.id, {
    payment_method: 'pm_card_visa',
    mandate_data,
    return_url,
    expand: ['latest_attempt', 'mandate'],
  });
  expect(done.mandate).toMatchObject({ status: 'active', type: 'multi_use' });
  expect((done.latest_attempt as Stripe.SetupAttempt).status).toBe('succeeded');
  const attempts = await stripe.setupAttempts.list({ setup_intent: setup.id });
  expect(attempts.data.map((each) => each.status)).toEqual(['succeeded', 'failed']);
  const charged = await stripe.paymentIntents.create({
    amount: 100,
    currency: 'usd',
    customer: customer.id,
    payment_method: idOf(done.payment_method),
    mandate: idOf(done.mandate),
    off_session: true,
    confirm: true,
  });
  expect(charged.status).toBe('succeeded');
  await stripe.paymentMethods.detach(idOf(done.payment_method));
  expect((await stripe.mandates.retrieve(idOf(done.mandate))).status).toBe('inactive');
});
