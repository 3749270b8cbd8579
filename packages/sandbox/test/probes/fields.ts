import { strictEqual } from 'node:assert';
import Stripe from 'stripe';
import { DAY, goodCard, refusal } from '../harness.ts';
import { has, type Probes, type World } from './probe.ts';

/** A customer with a card that is the default of all invoices. */
async function payer({ stripe }: World, more: Stripe.CustomerCreateParams = {}): Promise<Stripe.Customer> {
  return await stripe.customers.create({
    email: 'ada@example.com',
    name: 'Ada',
    payment_method: 'pm_card_visa',
    invoice_settings: { default_payment_method: 'pm_card_visa' },
    ...more,
  });
}

const address = { line1: '1 Main St', city: 'Berlin', country: 'DE', postal_code: '10115' };
const monthly = { currency: 'usd', recurring: { interval: 'month' as const } };

/** Answers with the fields that the probes of routes leave empty. */
export const fieldProbes: Probes = {
  'what the catalog can say of a product, a price, a coupon, a code and a tax': async ({ stripe }) => {
    const product = await stripe.products.create({
      name: 'Pro',
      description: 'All of it',
      unit_label: 'seat',
      url: 'https://shop.test/pro',
      statement_descriptor: 'PRO',
      tax_code: 'txcd_10000000',
      shippable: true,
      package_dimensions: { height: 1.5, length: 20, weight: 3.25, width: 10 },
    });
    has(product, { shippable: true, package_dimensions: { height: 1.5, weight: 3.25 } });
    strictEqual((await stripe.products.list({ shippable: true, type: 'service' })).data.length, 1);
    const price = await stripe.prices.create({
      ...monthly,
      product: product.id,
      unit_amount: 500,
      nickname: 'Monthly',
      transform_quantity: { divide_by: 10, round: 'up' },
      currency_options: { eur: { unit_amount: 450 } },
    });
    has(await stripe.products.update(product.id, { default_price: price.id }), { default_price: price.id });
    has(await stripe.prices.retrieve(price.id, { expand: ['currency_options'] }), {
      currency_options: { eur: { unit_amount: 450 } },
    });
    const tiered = await stripe.prices.create({
      ...monthly,
      product: product.id,
      billing_scheme: 'tiered',
      tiers_mode: 'graduated',
      tiers: [
        { up_to: 1, unit_amount: 5 },
        { up_to: 'inf', unit_amount: 4 },
      ],
      expand: ['tiers'],
    });
    has(tiered, { tiers: [{ up_to: 1 }, { up_to: null }] });
    const coupon = await stripe.coupons.create({
      amount_off: 100,
      currency: 'usd',
      duration: 'once',
      max_redemptions: 5,
      redeem_by: 2_000_000_000,
      applies_to: { products: [product.id] },
      currency_options: { eur: { amount_off: 90 } },
      expand: ['applies_to', 'currency_options'],
    });
    has(coupon, { applies_to: { products: [product.id] }, currency_options: { eur: { amount_off: 90 } } });
    const customer = await stripe.customers.create();
    const code = await stripe.promotionCodes.create({
      promotion: { type: 'coupon', coupon: coupon.id },
      customer: customer.id,
      max_redemptions: 3,
      expires_at: 1_999_999_999,
    });
    has(code, { customer: customer.id, max_redemptions: 3, expires_at: 1_999_999_999 });
    const rate = await stripe.taxRates.create({
      display_name: 'Sales tax',
      percentage: 6,
      inclusive: false,
      country: 'US',
      state: 'CA',
      jurisdiction: 'US - CA',
      description: 'of California',
      tax_type: 'sales_tax',
    });
    has(rate, { state: 'CA', jurisdiction: 'US - CA', description: 'of California', tax_type: 'sales_tax' });
  },

  'what is known of a customer': async ({ stripe }) => {
    const customer = await stripe.customers.create({
      address,
      business_name: 'Ada Ltd',
      individual_name: 'Ada L',
      description: 'First',
      phone: '+4930',
      shipping: { name: 'Ada', address },
      tax_id_data: [{ type: 'eu_vat', value: 'DE123456789' }],
      invoice_settings: { custom_fields: [{ name: 'PO', value: '7' }], footer: 'Thank you' },
      expand: ['tax_ids'],
    });
    has(customer, { address, business_name: 'Ada Ltd', individual_name: 'Ada L', phone: '+4930' });
    has(customer, { shipping: { name: 'Ada' }, tax_ids: { data: [{ value: 'DE123456789' }] } });
    const said = { custom_fields: [{ name: 'PO', value: '7' }], footer: 'Thank you' };
    const draft = await stripe.invoices.create({ customer: customer.id });
    has(draft, { ...said, customer_shipping: { name: 'Ada' } });
    await stripe.invoiceItems.create({ customer: customer.id, invoice: draft.id, amount: 900, currency: 'usd' });
    has(await stripe.invoices.finalizeInvoice(draft.id), { ...said, customer_shipping: { name: 'Ada' } });
    // What an invoice has said it keeps.
    await stripe.customers.update(customer.id, { invoice_settings: { footer: 'Bye' }, shipping: '' });
    has(await stripe.invoices.retrieve(draft.id), { ...said, customer_shipping: { name: 'Ada' } });
  },

  'a charge with a receipt and a descriptor, one that was refused, and a refund that failed': async (world) => {
    const { stripe, sandbox } = world;
    const customer = await payer(world);
    const paid = await stripe.paymentIntents.create({
      amount: 900,
      currency: 'usd',
      customer: customer.id,
      payment_method: 'pm_card_refundFail',
      confirm: true,
      off_session: true,
      receipt_email: 'ada@example.com',
      statement_descriptor_suffix: 'PRO',
      shipping: { name: 'Ada', address },
      excluded_payment_method_types: ['affirm'],
      expand: ['latest_charge'],
    });
    const charge = paid.latest_charge as Stripe.Charge;
    has(charge, { receipt_email: 'ada@example.com', statement_descriptor_suffix: 'PRO', shipping: { name: 'Ada' } });
    const refund = await stripe.refunds.create({ charge: charge.id, reason: 'duplicate' });
    await sandbox.clock.advance(2 * DAY);
    has(await stripe.refunds.retrieve(refund.id), { status: 'failed', failure_reason: 'expired_or_canceled_card' });
    has(await stripe.charges.retrieve(charge.id, { expand: ['refunds'] }), { refunds: { data: [{ id: refund.id }] } });
    await refusal(
      stripe.paymentIntents.create({
        amount: 900,
        currency: 'usd',
        payment_method: 'pm_card_chargeDeclined',
        confirm: true,
        off_session: true,
      }),
    );
    has((await stripe.charges.list({ limit: 1 })).data[0] ?? {}, { failure_code: 'card_declined' });
  },

  'a payment and a setup that their bank asks about, and a setup that is refused': async ({ stripe }) => {
    const intent = await stripe.paymentIntents.create({
      amount: 900,
      currency: 'usd',
      payment_method: 'pm_card_authenticationRequired',
      confirm: true,
      return_url: 'https://shop.test',
      allowed_payment_method_types: ['card'],
    });
    has(intent, { status: 'requires_action', next_action: { type: 'redirect_to_url' } });
    const setup = await stripe.setupIntents.create({
      payment_method: 'pm_card_authenticationRequired',
      confirm: true,
      return_url: 'https://shop.test',
      allowed_payment_method_types: ['card'],
    });
    has(setup, { next_action: { type: 'redirect_to_url' } });
    has(await stripe.setupIntents.cancel(setup.id, { cancellation_reason: 'abandoned' }), {
      cancellation_reason: 'abandoned',
    });
    const refused = await stripe.setupIntents.create({ excluded_payment_method_types: ['affirm'] });
    await refusal(stripe.setupIntents.confirm(refused.id, { payment_method: 'pm_card_chargeDeclined' }));
    has(await stripe.setupIntents.retrieve(refused.id), { last_setup_error: { code: 'card_declined' } });
    const [attempt] = (await stripe.setupAttempts.list({ setup_intent: refused.id })).data;
    has(attempt ?? {}, { setup_error: { code: 'card_declined' } });
  },

  'a confirmation token with all that a page may say': async ({ stripe }) => {
    const token = await stripe.testHelpers.confirmationTokens.create({
      payment_method: 'pm_card_visa',
      return_url: 'https://shop.test',
      setup_future_usage: 'off_session',
      shipping: { name: 'Ada', address },
    });
    has(token, { return_url: 'https://shop.test', setup_future_usage: 'off_session', shipping: { name: 'Ada' } });
    const intent = await stripe.paymentIntents.create({
      amount: 900,
      currency: 'usd',
      confirmation_token: token.id,
      confirm: true,
    });
    has(await stripe.confirmationTokens.retrieve(token.id), { payment_intent: intent.id });
  },

  'a subscription with an anchor, a pause of collection, thresholds and pending items': async (world) => {
    const { stripe } = world;
    const customer = await payer(world);
    const price = await stripe.prices.create({ ...monthly, unit_amount: 900, product_data: { name: 'Pro' } });
    const subscription = await stripe.subscriptions.create({
      customer: customer.id,
      items: [{ price: price.id }],
      description: 'Pro for Ada',
      billing_cycle_anchor_config: { day_of_month: 15 },
      billing_thresholds: { amount_gte: 5_000 },
      pending_invoice_item_interval: { interval: 'week' },
    });
    has(subscription, { description: 'Pro for Ada', billing_cycle_anchor_config: { day_of_month: 15 } });
    await stripe.subscriptions.update(subscription.id, { pause_collection: { behavior: 'void' } });
    has(await stripe.subscriptions.retrieve(subscription.id), { pause_collection: { behavior: 'void' } });
    const sent = await stripe.subscriptions.create({
      customer: customer.id,
      items: [{ price: price.id }],
      collection_method: 'send_invoice',
      days_until_due: 7,
      trial_period_days: 3,
    });
    has(sent, { days_until_due: 7, status: 'trialing' });
    const bare = await stripe.customers.create();
    const trial = await stripe.subscriptions.create({
      customer: bare.id,
      items: [{ price: price.id }],
      trial_period_days: 3,
    });
    has(trial, { status: 'trialing' });
  },

  'a change that waits for its payment': async (world) => {
    const { stripe } = world;
    const customer = await payer(world);
    const price = await stripe.prices.create({ ...monthly, unit_amount: 900, product_data: { name: 'Pro' } });
    const made = await stripe.subscriptions.create({
      customer: customer.id,
      items: [{ price: price.id, quantity: 1 }],
    });
    const bad = await stripe.paymentMethods.attach('pm_card_chargeCustomerFail', { customer: customer.id });
    await stripe.subscriptions.update(made.id, { default_payment_method: bad.id });
    const item = made.items.data[0]?.id ?? '';
    const parked = await stripe.subscriptions.update(made.id, {
      items: [{ id: item, quantity: 3 }],
      payment_behavior: 'pending_if_incomplete',
      proration_behavior: 'always_invoice',
    });
    has(parked, { pending_update: { subscription_items: [{ quantity: 3 }] } });
  },

  'discounts of an invoice, an item and a subscription, and the invoice with a secret to pay it': async (world) => {
    const { stripe } = world;
    const customer = await payer(world, { address, phone: '+4930' });
    const coupon = await stripe.coupons.create({ percent_off: 10, duration: 'repeating', duration_in_months: 3 });
    const code = await stripe.promotionCodes.create({ promotion: { type: 'coupon', coupon: coupon.id } });
    const price = await stripe.prices.create({ ...monthly, unit_amount: 900, product_data: { name: 'Pro' } });
    const subscription = await stripe.subscriptions.create({
      customer: customer.id,
      items: [{ price: price.id, discounts: [{ coupon: coupon.id }] }],
      discounts: [{ promotion_code: code.id }],
      payment_behavior: 'default_incomplete',
      expand: ['discounts', 'items.data.discounts', 'latest_invoice.confirmation_secret'],
    });
    has(subscription, { discounts: [{ promotion_code: code.id, subscription: subscription.id }] });
    has(subscription.latest_invoice as Stripe.Invoice, {
      customer_phone: '+4930',
      confirmation_secret: { type: 'payment_intent' },
    });
    const draft = await stripe.invoices.create({
      customer: customer.id,
      discounts: [{ coupon: coupon.id }],
      footer: 'Bye',
    });
    const added = await stripe.invoiceItems.create({
      customer: customer.id,
      invoice: draft.id,
      amount: 900,
      currency: 'usd',
      discounts: [{ coupon: coupon.id }],
      expand: ['discounts'],
    });
    has(added, { discounts: [{ invoice_item: added.id }] });
    has(await stripe.invoices.retrieve(draft.id, { expand: ['discounts'] }), {
      discounts: [{ invoice: draft.id }],
      footer: 'Bye',
    });
  },

  'a session of checkout with all that its page may ask, done': async (world) => {
    const { stripe } = world;
    const price = await stripe.prices.create({ ...monthly, unit_amount: 900, product_data: { name: 'Pro' } });
    const extra = await stripe.prices.create({ ...monthly, unit_amount: 100, product_data: { name: 'More' } });
    const session = await stripe.checkout.sessions.create({
      mode: 'subscription',
      line_items: [{ price: price.id, quantity: 1, adjustable_quantity: { enabled: true, maximum: 5 } }],
      optional_items: [{ price: extra.id, quantity: 1 }],
      success_url: 'https://shop.test/done',
      cancel_url: 'https://shop.test',
      after_expiration: { recovery: { enabled: true } },
      allow_promotion_codes: true,
      billing_address_collection: 'auto',
      client_reference_id: 'acme',
      consent_collection: { promotions: 'auto' },
      locale: 'de',
      name_collection: { individual: { enabled: true, optional: true } },
      saved_payment_method_options: { payment_method_save: 'enabled' },
      submit_type: 'subscribe',
      customer_email: 'ada@example.com',
    });
    has(session, { client_reference_id: 'acme', locale: 'de', cancel_url: 'https://shop.test' });
    const { email: _email, ...card } = goodCard;
    const answer = await world.sandbox.fetch(
      new Request(session.url ?? '', { method: 'POST', body: new URLSearchParams(card), redirect: 'manual' }),
    );
    has({ status: answer.status }, { status: 303 });
    has(await stripe.checkout.sessions.retrieve(session.id, { expand: ['line_items'] }), {
      status: 'complete',
      customer_details: { email: 'ada@example.com' },
    });
  },

  'a session on a test clock, with its objects': async (world) => {
    const { stripe } = world;
    const clock = await stripe.testHelpers.testClocks.create({ frozen_time: 1_767_225_600 });
    const customer = await payer(world, { test_clock: clock.id });
    const price = await stripe.prices.create({ ...monthly, unit_amount: 900, product_data: { name: 'Pro' } });
    const subscription = await stripe.subscriptions.create({
      customer: customer.id,
      items: [{ price: price.id }],
      expand: ['latest_invoice'],
    });
    has(subscription, { test_clock: clock.id, latest_invoice: { test_clock: clock.id } });
    has(await stripe.invoiceItems.create({ customer: customer.id, amount: 5, currency: 'usd' }), {
      test_clock: clock.id,
    });
    const schedule = await stripe.subscriptionSchedules.create({ from_subscription: subscription.id });
    has(schedule, { test_clock: clock.id });
    has(await stripe.subscriptions.retrieve(subscription.id), { schedule: schedule.id });
    const grant = await stripe.billing.creditGrants.create({
      customer: customer.id,
      name: 'Welcome',
      amount: { type: 'monetary', monetary: { currency: 'usd', value: 500 } },
      applicability_config: { scope: { price_type: 'metered' } },
      category: 'promotional',
    });
    has(grant, { name: 'Welcome', test_clock: clock.id });
    const [granted] = (await stripe.billing.creditBalanceTransactions.list({ customer: customer.id })).data;
    has(granted ?? {}, { test_clock: clock.id });
  },

  'the portal with a place to go afterwards, in a language, for one flow': async (world) => {
    const { stripe } = world;
    const customer = await payer(world);
    const configuration = await stripe.billingPortal.configurations.create({
      name: 'Ours',
      login_page: { enabled: true },
      features: { invoice_history: { enabled: true }, payment_method_update: { enabled: true } },
    });
    has(configuration, { name: 'Ours' });
    const session = await stripe.billingPortal.sessions.create({
      customer: customer.id,
      configuration: configuration.id,
      locale: 'en',
      after_expiration: { type: 'customer_login' },
      flow_data: { type: 'payment_method_update' },
    });
    has(session, { locale: 'en', flow: { type: 'payment_method_update' } });
  },

  'an endpoint of webhooks with its version and description, and a meter by the day': async ({ stripe }) => {
    has(
      await stripe.webhookEndpoints.create({
        url: 'http://127.0.0.1:9/hook',
        enabled_events: ['product.created'],
        description: 'Ours',
        api_version: '2026-10-28.endive',
      }),
      { description: 'Ours', api_version: '2026-10-28.endive' },
    );
    const destination = await stripe.v2.core.eventDestinations.create({
      name: 'Whole events',
      type: 'webhook_endpoint',
      event_payload: 'snapshot',
      enabled_events: ['product.created'],
      webhook_endpoint: { url: 'https://shop.test/hook' },
    });
    has(destination, { snapshot_api_version: '2026-10-28.endive' });
    const meter = await stripe.billing.meters.create({
      display_name: 'Calls',
      event_name: 'calls',
      default_aggregation: { formula: 'sum' },
      event_time_window: 'day',
    });
    has(meter, { event_time_window: 'day' });
    const metered = await stripe.prices.create({
      currency: 'usd',
      unit_amount: 1,
      recurring: { interval: 'month', usage_type: 'metered', meter: meter.id },
      product_data: { name: 'Calls' },
    });
    const customer = await stripe.customers.create({
      payment_method: 'pm_card_visa',
      invoice_settings: { default_payment_method: 'pm_card_visa' },
    });
    const subscription = await stripe.subscriptions.create({
      customer: customer.id,
      items: [{ price: metered.id, billing_thresholds: { usage_gte: 10 } }],
    });
    has(subscription.items.data[0] ?? {}, { billing_thresholds: { usage_gte: 10 } });
  },

  'sessions of checkout that pay once, set up a card, and run on the page of the shop': async (world) => {
    const { stripe } = world;
    const customer = await payer(world);
    const once = await stripe.checkout.sessions.create({
      mode: 'payment',
      customer: customer.id,
      line_items: [{ price_data: { currency: 'usd', unit_amount: 900, product_data: { name: 'Mug' } }, quantity: 1 }],
      ui_mode: 'embedded_page',
      return_url: 'https://shop.test/back',
      redirect_on_completion: 'always',
      invoice_creation: { enabled: true },
      shipping_address_collection: { allowed_countries: ['DE'] },
      excluded_payment_method_types: ['affirm'],
    });
    has(once, { ui_mode: 'embedded_page', return_url: 'https://shop.test/back', invoice_creation: { enabled: true } });
    const setup = await stripe.checkout.sessions.create({
      mode: 'setup',
      currency: 'usd',
      customer: customer.id,
      success_url: 'https://shop.test/done',
      allowed_payment_method_types: ['card'],
    });
    const page = await world.sandbox.fetch(
      new Request(setup.url ?? '', { method: 'POST', body: new URLSearchParams(goodCard), redirect: 'manual' }),
    );
    has({ status: page.status }, { status: 303 });
    has(await stripe.checkout.sessions.retrieve(setup.id), { status: 'complete' });
    const paid = await stripe.checkout.sessions.create({
      mode: 'payment',
      line_items: [{ price_data: { currency: 'usd', unit_amount: 900, product_data: { name: 'Mug' } }, quantity: 1 }],
      success_url: 'https://shop.test/done',
      after_expiration: { recovery: { enabled: true } },
    });
    await world.sandbox.fetch(
      new Request(paid.url ?? '', { method: 'POST', body: new URLSearchParams(goodCard), redirect: 'manual' }),
    );
    has(await stripe.checkout.sessions.retrieve(paid.id, { expand: ['line_items'] }), { payment_status: 'paid' });
    const lost = await stripe.checkout.sessions.create({
      mode: 'payment',
      line_items: [{ price_data: { currency: 'usd', unit_amount: 900, product_data: { name: 'Mug' } }, quantity: 1 }],
      success_url: 'https://shop.test/done',
      after_expiration: { recovery: { enabled: true } },
    });
    const expired = await stripe.checkout.sessions.expire(lost.id);
    await world.sandbox.fetch(new Request(expired.after_expiration?.recovery?.url ?? '', { method: 'POST' }));
    has((await stripe.checkout.sessions.list({ limit: 1 })).data[0] ?? {}, { recovered_from: lost.id });
  },

  'what a credit note gives back, and the balance that moves with it': async (world) => {
    const { stripe } = world;
    const customer = await payer(world);
    const draft = await stripe.invoices.create({ customer: customer.id });
    await stripe.invoiceItems.create({ customer: customer.id, invoice: draft.id, amount: 900, currency: 'usd' });
    await stripe.invoices.finalizeInvoice(draft.id);
    const paid = await stripe.invoices.pay(draft.id);
    const line = paid.lines.data[0]?.id ?? '';
    const note = await stripe.creditNotes.create({
      invoice: paid.id,
      lines: [{ type: 'invoice_line_item', invoice_line_item: line, quantity: 1 }],
      credit_amount: 900,
    });
    has(note, { lines: { data: [{ invoice_line_item: line }] } });
    const [moved] = (await stripe.customers.listBalanceTransactions(customer.id)).data;
    has(moved ?? {}, { credit_note: note.id, amount: -900 });
    const next = await stripe.invoices.create({ customer: customer.id });
    await stripe.invoiceItems.create({ customer: customer.id, invoice: next.id, amount: 500, currency: 'usd' });
    await stripe.invoices.finalizeInvoice(next.id);
    const [used] = (await stripe.customers.listBalanceTransactions(customer.id)).data;
    has(used ?? {}, { invoice: next.id, amount: 500 });
  },

  'metered tiers, a threshold that bills, an alert that rings and a grant that pays': async (world) => {
    const { stripe, sandbox } = world;
    const customer = await payer(world);
    const meter = await stripe.billing.meters.create({
      display_name: 'Calls',
      event_name: 'calls',
      default_aggregation: { formula: 'sum' },
    });
    const price = await stripe.prices.create({
      ...monthly,
      recurring: { interval: 'month', usage_type: 'metered', meter: meter.id },
      product_data: { name: 'Calls' },
      nickname: 'Per call',
      billing_scheme: 'tiered',
      tiers_mode: 'graduated',
      tiers: [{ up_to: 'inf', unit_amount: 10 }],
    });
    await stripe.billing.creditGrants.create({
      customer: customer.id,
      amount: { type: 'monetary', monetary: { currency: 'usd', value: 100 } },
      applicability_config: { scope: { price_type: 'metered' } },
      category: 'paid',
    });
    const subscription = await stripe.subscriptions.create({ customer: customer.id, items: [{ price: price.id }] });
    has(subscription.items.data[0]?.plan ?? {}, { nickname: 'Per call', tiers_mode: 'graduated' });
    has(await stripe.subscriptions.retrieve(subscription.id, { expand: ['items.data.plan.tiers'] }), {
      items: { data: [{ plan: { tiers: [{ unit_amount: 10 }] } }] },
    });
    await stripe.billing.alerts.create({
      alert_type: 'usage_threshold',
      title: 'Much',
      usage_threshold: { gte: 5, meter: meter.id, recurrence: 'one_time' },
    });
    await stripe.subscriptions.update(subscription.id, { billing_thresholds: { amount_gte: 500 } });
    await stripe.billing.meterEvents.create({
      event_name: 'calls',
      payload: { stripe_customer_id: customer.id, value: '60' },
    });
    await sandbox.clock.advance(DAY);
    has((await stripe.events.list({ type: 'billing.alert.triggered' })).data[0] ?? {}, {
      data: { object: { object: 'billing.alert_triggered', value: 60 } },
    });
    const [invoice] = (await stripe.invoices.list({ customer: customer.id, limit: 1 })).data;
    has(invoice ?? {}, { billing_reason: 'subscription_threshold', threshold_reason: { amount_gte: 500 } });
    has((await stripe.billing.creditBalanceTransactions.list({ customer: customer.id })).data[0] ?? {}, {
      type: 'debit',
    });
    await stripe.billing.meterEvents.create({
      event_name: 'nothing',
      payload: { stripe_customer_id: customer.id, value: '1' },
    });
    await sandbox.clock.advance(DAY);
    const [told] = (await stripe.v2.core.events.list({ types: ['v1.billing.meter.no_meter_found'] })).data;
    has(told ?? {}, { type: 'v1.billing.meter.no_meter_found' });
  },

  'a schedule that is over, a proration that waits, and an invoice that was given up': async (world) => {
    const { stripe, sandbox } = world;
    const customer = await payer(world);
    const price = await stripe.prices.create({ ...monthly, unit_amount: 900, product_data: { name: 'Pro' } });
    const schedule = await stripe.subscriptionSchedules.create({
      customer: customer.id,
      start_date: 'now',
      end_behavior: 'cancel',
      phases: [{ items: [{ price: price.id }], duration: { interval: 'month', interval_count: 1 } }],
    });
    await sandbox.clock.advance(35 * DAY);
    has(await stripe.subscriptionSchedules.retrieve(schedule.id), { status: 'completed' });
    const made = await stripe.subscriptions.create({
      customer: customer.id,
      items: [{ price: price.id, quantity: 1 }],
    });
    await stripe.subscriptionItems.update(made.items.data[0]?.id ?? '', { quantity: 2 });
    const [pending] = (await stripe.invoiceItems.list({ customer: customer.id, pending: true })).data;
    has(pending ?? {}, { proration: true });
    const own = await stripe.paymentMethods.attach('pm_card_mastercard', { customer: customer.id });
    const draft = await stripe.invoices.create({ customer: customer.id, default_payment_method: own.id });
    has(draft, { default_payment_method: own.id });
    await stripe.invoiceItems.create({ customer: customer.id, invoice: draft.id, amount: 900, currency: 'usd' });
    await stripe.invoices.finalizeInvoice(draft.id);
    has(await stripe.invoices.markUncollectible(draft.id), { status: 'uncollectible' });
  },
};
