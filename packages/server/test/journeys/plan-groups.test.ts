import { expect, test, vi } from 'vitest';
import { dayMs, testApp } from '../harness.ts';
import { buy, buyerOfBoth, twoGroups } from '../two-groups.ts';
import { type Visitor, payOnPage } from '../visitor.ts';

// Journeys of many calls, on a machine that may be busy.
vi.setConfig({ testTimeout: 240_000, hookTimeout: 120_000 });
const farebox = await testApp({ list: twoGroups });
const { seller } = farebox;

const verify = (key: string, more: object = {}) => seller.post('/v1/keys/verify', { key, ...more });

async function liveOf(visitor: Visitor): Promise<{ id: string; group: string; plan_id: string; status: string }[]> {
  const { data } = await visitor.get('/v1/subscriptions');
  return data.filter((each: { status: string }) => each.status !== 'canceled');
}

test('a plan of each group is bought, both are live, and each answer says of which it speaks', async () => {
  const { visitor, maps, mail, id } = await buyerOfBoth(farebox);
  expect([maps, mail]).toMatchObject([
    { group: 'maps', plan_id: 'maps', status: 'active' },
    { group: 'mail', plan_id: 'mail', status: 'active' },
  ]);
  expect(await seller.get(`/v1/customers/${id}`)).toMatchObject({
    subscriptions: [
      { group: 'maps', plan_id: 'maps' },
      { group: 'mail', plan_id: 'mail' },
    ],
  });
  expect(await visitor.get(`/v1/customers/${id}/state`)).toMatchObject({
    access: 'granted',
    subscriptions: [{ id: maps.id }, { id: mail.id }],
    alerts: [],
  });
  const actions = (await visitor.get('/v1/plans')).data.map((plan: { id: string; action: string }) => plan.action);
  expect(actions).toEqual(['current', 'upgrade', 'current', 'upgrade']);
  const { currencies } = await seller.get('/v1/analytics/revenue');
  expect(currencies[0].mrr_minor).toBe(3000);
});

test('in one group a second tab and a second plan are refused; nothing more is charged', async () => {
  const visitor = await farebox.signUp();
  const [first, second] = await Promise.all([
    visitor.post('/v1/checkout_sessions', { plan_id: 'maps' }),
    visitor.post('/v1/checkout_sessions', { plan_id: 'maps' }),
  ]);
  expect(second.url).toBe(first.url);
  await payOnPage(first.url);
  for (const plan_id of ['maps', 'maps_pro']) {
    const refused = await visitor.answer('POST', '/v1/checkout_sessions', { plan_id });
    expect(refused).toMatchObject({ status: 409, json: { code: 'already_subscribed', param: 'plan_id' } });
    const begun = await visitor.answer('POST', '/v1/subscriptions', { plan_id });
    expect(begun).toMatchObject({ status: 409, json: { code: 'already_subscribed' } });
  }
  expect((await visitor.get('/v1/invoices')).data).toHaveLength(1);
});

test('checkouts of both groups at once are both opened, both paid and both kept; another plan closes only its own', async () => {
  const visitor = await farebox.signUp();
  const open = (plan_id: string) => visitor.post('/v1/checkout_sessions', { plan_id });
  const [maps, mail] = await Promise.all([open('maps'), open('mail')]);
  expect([maps, mail]).toMatchObject([
    { state: 'open', group: 'maps' },
    { state: 'open', group: 'mail' },
  ]);
  const dearer = await open('maps_pro');
  expect((await visitor.get(`/v1/checkout_sessions/${maps.id}`)).state).toBe('expired');
  expect((await visitor.get(`/v1/checkout_sessions/${mail.id}`)).state).toBe('open');
  await Promise.all([payOnPage(dearer.url), payOnPage(mail.url)]);
  await farebox.sandbox.webhooks.settled();
  await farebox.app.settle();
  const live = await liveOf(visitor);
  expect(live.map(({ plan_id, status }) => `${plan_id} ${status}`).toSorted()).toEqual([
    'mail active',
    'maps_pro active',
  ]);
  expect(await visitor.get(`/v1/checkout_sessions/${mail.id}`)).toMatchObject({
    state: 'complete',
    subscription: { plan_id: 'mail' },
  });
});

test('a change stays in its group, and leaves the other alone', async () => {
  const { visitor, maps, mail } = await buyerOfBoth(farebox);
  const across = await visitor.answer('POST', `/v1/subscriptions/${maps.id}/change`, { plan_id: 'mail_pro' });
  expect(across).toMatchObject({ status: 400, json: { code: 'invalid_request', param: 'plan_id' } });
  expect(across.json['detail']).toContain('"mail_pro" is of "mail"');
  const changed = await visitor.post(`/v1/subscriptions/${maps.id}/change`, { plan_id: 'maps_pro' });
  expect(changed.subscription).toMatchObject({ plan_id: 'maps_pro', group: 'maps' });
  expect(await visitor.get(`/v1/subscriptions/${mail.id}`)).toMatchObject({ plan_id: 'mail', status: 'active' });
});

test('the gate decides by the plan that measures what a request uses, each with its own windows and amount', async () => {
  const { visitor, secret } = await buyerOfBoth(farebox);
  expect(await verify(secret, { meter: 'tiles' })).toMatchObject({
    valid: true,
    plan_id: 'maps',
    quota: { meter_id: 'tiles', included: 3, used: 1 },
    limits: [{ name: '1s', limit: 50 }],
  });
  expect(await verify(secret, { meter: 'mails' })).toMatchObject({
    valid: true,
    plan_id: 'mail',
    quota: { meter_id: 'mails', included: 2, used: 1 },
    limits: [{ name: '1s', limit: 2, remaining: 1 }],
  });
  // What names no meter is what the price list's first group measures.
  expect(await verify(secret)).toMatchObject({ plan_id: 'maps', quota: { meter_id: 'tiles', used: 2 } });
  expect(await verify(secret, { meter: 'mails', cost: 3 })).toMatchObject({ code: 'RATE_LIMITED' });
  expect(await verify(secret, { meter: 'tiles', cost: 3 })).toMatchObject({ valid: true, quota: { used: 5 } });
  const unknown = await seller.answer('POST', '/v1/keys/verify', { key: secret, meter: 'faxes' });
  expect(unknown).toMatchObject({ status: 400, json: { code: 'invalid_request', param: 'meter' } });
  const forwarded = await fetch(`${farebox.url}/v1/gate/forward-auth?meter=mails&cost=0`, {
    headers: { 'x-api-key': secret },
  });
  expect([forwarded.status, forwarded.headers.get('farebox-plan')]).toEqual([200, 'mail']);
  await visitor.get('/v1/me');
});

test('features are those of all plans together', async () => {
  const visitor = await farebox.signUp();
  await buy(visitor, 'maps_pro');
  await buy(visitor, 'mail_pro');
  const { secret } = await visitor.post('/v1/keys/first');
  for (const meter of ['tiles', 'mails'])
    expect(await verify(secret, { meter })).toMatchObject({ features: { history: true, templates: true } });
  for (const feature_id of ['history', 'templates', 'tiles', 'mails'])
    expect(await visitor.post('/v1/entitlements/check', { feature_id })).toMatchObject({ allowed: true });
  const { data } = await visitor.get(`/v1/customers/${(await visitor.get('/v1/me')).customer.id}/entitlements`);
  expect(data.map((each: { enabled: boolean }) => each.enabled)).toEqual([true, true]);
});

test('a question about the one subscription of several is refused until it names a group', async () => {
  const { visitor, maps, mail, id } = await buyerOfBoth(farebox);
  for (const path of ['/v1/usage/summary', '/v1/invoices/upcoming']) {
    const refused = await visitor.answer('GET', path);
    expect(refused).toMatchObject({ status: 400, json: { code: 'ambiguous_subscription', param: 'group' } });
    expect(refused.json['detail']).toContain('maps, mail');
    expect(await visitor.get(`${path}?group=maps`)).toMatchObject({ group: 'maps', subscription_id: maps.id });
    expect(await visitor.get(`${path}?group=mail`)).toMatchObject({ group: 'mail', subscription_id: mail.id });
    expect(await seller.get(`${path}?customer_id=${id}&group=mail`)).toMatchObject({ group: 'mail' });
    const none = await visitor.answer('GET', `${path}?group=fax`);
    expect(none).toMatchObject({ status: 404, json: { code: 'subscription_required' } });
  }
  // Who has one need not say which.
  const single = await farebox.signUp();
  await buy(single, 'mail');
  expect(await single.get('/v1/usage/summary')).toMatchObject({ group: 'mail', base_amount_minor: 1000 });
});

test('each meter’s usage is on the invoice of the subscription that measures it, and on no other', async () => {
  const { visitor, secret, maps, mail } = await buyerOfBoth(farebox);
  for (let call = 0; call < 5; call += 1) await verify(secret, { meter: 'tiles' });
  await verify(secret, { meter: 'mails', cost: 2 });
  await farebox.sandbox.clock.advance(2000);
  await verify(secret, { meter: 'mails', cost: 2 });
  await farebox.app.settle();
  expect(await visitor.get('/v1/usage/summary?group=maps')).toMatchObject({
    meters: [{ meter_id: 'tiles', quantity: 5, amount_minor: 50 }],
    total_so_far_minor: 2050,
  });
  const upcoming = await visitor.get('/v1/invoices/upcoming?group=mail');
  expect(upcoming).toMatchObject({ usage_minor: 20, usage: [{ meter_id: 'mails' }] });
  await farebox.sandbox.clock.advance(31 * dayMs + 2 * 3_600_000);
  await farebox.app.settle();
  await farebox.sandbox.clock.advance(2 * 3_600_000);
  await farebox.app.settle();
  const { data } = await visitor.get('/v1/invoices?limit=100');
  const of = (subscription: { id: string }) =>
    data
      .filter((invoice: { subscription_id: string }) => invoice.subscription_id === subscription.id)
      .map((invoice: { total_minor: number; status: string; lines: { kind: string; amount_minor: number }[] }) => [
        invoice.status,
        invoice.total_minor,
        invoice.lines.filter(({ kind }) => kind === 'overage').map(({ amount_minor }) => amount_minor),
      ]);
  expect(of(maps)).toEqual([
    ['paid', 2050, [50]],
    ['paid', 2000, []],
  ]);
  expect(of(mail)).toEqual([
    ['paid', 1020, [20]],
    ['paid', 1000, []],
  ]);
});

test('one that ends takes its own access with it and leaves the other’s', async () => {
  const { visitor, secret, maps, mail, id } = await buyerOfBoth(farebox);
  await seller.post(`/v1/subscriptions/${maps.id}/cancel`, { at: 'now' });
  await farebox.app.settle();
  expect(await verify(secret, { meter: 'tiles' })).toMatchObject({ code: 'SUBSCRIPTION_INACTIVE' });
  expect(await verify(secret, { meter: 'mails' })).toMatchObject({ valid: true, plan_id: 'mail' });
  // And what names no meter is for what is left.
  expect(await verify(secret, { cost: 0 })).toMatchObject({ valid: true, plan_id: 'mail' });
  expect(await visitor.get('/v1/usage/summary')).toMatchObject({ subscription_id: mail.id });
  expect(await visitor.get(`/v1/customers/${id}/state`)).toMatchObject({ subscriptions: [{ id: mail.id }] });
  const again = await buy(visitor, 'maps_pro');
  expect(again.id).not.toBe(maps.id);
  expect(await verify(secret, { meter: 'tiles' })).toMatchObject({ valid: true, plan_id: 'maps_pro' });
});

test('a trial is had once in each group', async () => {
  const visitor = await farebox.signUp();
  await buy(visitor, 'maps');
  const trial = await buy(visitor, 'mail_pro');
  expect(trial).toMatchObject({ status: 'trialing', group: 'mail' });
  await seller.post(`/v1/subscriptions/${trial.id}/cancel`, { at: 'now' });
  expect(await buy(visitor, 'mail_pro')).toMatchObject({ status: 'active', trial_end_at: null });
});

test('who owes for one keeps the other; the state tells which', async () => {
  const { visitor, secret, maps, id } = await buyerOfBoth(farebox);
  const { stripe_subscription_id } = await farebox.db.kysely
    .selectFrom('subscription')
    .select('stripe_subscription_id')
    .where('id', '=', maps.id)
    .executeTakeFirstOrThrow();
  const { stripe_customer_id } = await farebox.app.customers.get(id);
  const bad = await farebox.stripe.paymentMethods.create({
    type: 'card',
    card: { number: '4000000000000341', exp_month: 12, exp_year: 2034, cvc: '123' },
  });
  await farebox.stripe.paymentMethods.attach(bad.id, { customer: stripe_customer_id ?? '' });
  await farebox.stripe.subscriptions.update(stripe_subscription_id, { default_payment_method: bad.id });
  await farebox.sandbox.clock.advance(31 * dayMs + 2 * 3_600_000);
  await farebox.app.settle();
  await farebox.sandbox.clock.advance(8 * dayMs);
  await farebox.app.settle();
  const state = await visitor.get(`/v1/customers/${id}/state`);
  expect(state).toMatchObject({ access: 'granted', dunning: { group: 'maps', step: 'read_only' } });
  const alerts = state.alerts.map(({ code, group }: { code: string; group: string }) => [code, group]);
  expect(alerts).toContainEqual(['payment_past_due', 'maps']);
  expect(alerts.filter(([code]: [string]) => code === 'payment_past_due')).toHaveLength(1);
  expect(await verify(secret, { meter: 'tiles' })).toMatchObject({ code: 'PAYMENT_PAST_DUE' });
  expect(await verify(secret, { meter: 'mails' })).toMatchObject({ valid: true, payment: null });
});

test('an override of one group’s window leaves the same window of the other', async () => {
  const { secret, id } = await buyerOfBoth(farebox);
  const set = await seller.answer('PUT', `/v1/customers/${id}/overrides`, {
    limits: { 'mail.1s': 9 },
    included: { tiles: 40 },
    reason: 'a launch',
  });
  expect(set).toMatchObject({ status: 200, json: { effective: [{ group: 'maps' }, { group: 'mail' }] } });
  expect(await verify(secret, { meter: 'mails' })).toMatchObject({ limits: [{ limit: 9 }], quota: { included: 2 } });
  expect(await verify(secret, { meter: 'tiles' })).toMatchObject({ limits: [{ limit: 50 }], quota: { included: 40 } });
  const wrong = await seller.answer('PUT', `/v1/customers/${id}/overrides`, { limits: { 'fax.1s': 1 }, reason: 'x' });
  expect(wrong).toMatchObject({ status: 400, json: { param: 'limits.fax.1s' } });
});
