import { expect, test } from 'vitest';
import { renderMail } from './index.ts';
import type { MailData, MailKind } from './mail.ts';

const brand = { seller_name: 'Skycast', support_email: 'help@skycast.example' };

const plan = { name: 'Ada', plan_name: 'Pro', dashboard_url: 'http://localhost:4000/dashboard' };

const samples: MailData = {
  verify_address: { name: 'Ada', url: 'http://localhost:4000/verify?token=abc&next=1' },
  reset_password: { name: 'Ada', url: 'http://localhost:4000/reset-password#token=abc' },
  welcome: {
    name: 'Ada',
    plan_name: 'Pro',
    key_start: 'sky_live_abcd',
    dashboard_url: 'http://localhost:4000/dashboard',
    api_url: 'http://localhost:4010',
  },
  receipt: {
    name: 'Ada',
    invoice_number: 'SKY-0001',
    amount: '$508.60',
    paid_on: '1 March 2026',
    lines: [
      { description: 'Pro, 1 March to 1 April 2026', amount: '$499.00' },
      { description: '12,000 API requests over 1,000,000', amount: '$9.60' },
    ],
    invoice_url: 'https://pay.example/in_1',
    pdf_url: 'https://pay.example/in_1.pdf',
  },
  plan_changed: { ...plan, price: '$499.00 a month', amount: '$240.00' },
  change_scheduled: { ...plan, plan_name: 'Starter', price: '$99.00 a month', starts_on: '2026-04-01' },
  payment_failed: {
    name: 'Ada',
    amount: '$99.00',
    reason: 'Your card was declined.',
    next_attempt_on: '2026-04-04',
    consequence: 'From 2026-04-08 your API keys can only read.',
    pay_url: 'https://pay.example/in_2',
  },
  action_required: { name: 'Ada', amount: '$99.00', pay_url: 'https://pay.example/in_2' },
  final_notice: { name: 'Ada', amount: '$99.00', stops_on: '2026-04-15', pay_url: 'https://pay.example/in_2' },
  access_restored: plan,
  subscription_paused: plan,
  subscription_resumed: plan,
  subscription_ended: plan,
  cancellation_confirmed: { ...plan, ends_on: '2026-05-01' },
  top_up_failed: {
    name: 'Ada',
    amount: '$25.00',
    reason: 'Your card was declined.',
    next: 'We try again on 2026-04-02.',
    dashboard_url: 'http://localhost:4000/dashboard',
  },
  upcoming_invoice: {
    ...plan,
    renews_on: '2026-05-01',
    amount: '$1,020.00',
    lines: [
      { description: 'Pro', amount: '$990.00' },
      { description: 'API requests, so far', amount: '$30.00' },
    ],
    has_usage: true,
  },
  card_expiring: { ...plan, card: 'Visa •••• 4242', expires_on: '2026-04-30', next_payment_on: '2026-05-01' },
  trial_ending: { ...plan, price: '$99.00 a month', ends_on: '2026-05-01' },
  trial_ended: { ...plan, price: '$99.00 a month' },
  subscription_confirmed: { ...plan, price: '$99.00 a month', next_payment_on: '2026-06-01' },
  refund_issued: { name: 'Ada', amount: '$12.00', dashboard_url: 'http://localhost:4000/dashboard' },
  key_created: {
    name: 'Ada',
    key_name: 'CI',
    key_start: 'sky_live_abcd',
    dashboard_url: 'http://localhost:4000/dashboard',
  },
  key_expiring: {
    name: 'Ada',
    key_name: 'CI',
    key_start: 'sky_live_abcd',
    stops_at: '2026-05-08 12:00 UTC',
    dashboard_url: 'http://localhost:4000/dashboard',
  },
  key_rotated: {
    name: 'Ada',
    key_name: 'CI',
    key_start: 'sky_live_abcd',
    stops_at: '2026-05-01 12:00 UTC',
    dashboard_url: 'http://localhost:4000/dashboard',
  },
  key_leaked: {
    name: 'Ada',
    key_name: 'CI',
    key_start: 'sky_live_abcd',
    place: 'https://github.example/ada/app/blob/main/.env',
    consequence: 'It was revoked at once.',
    dashboard_url: 'http://localhost:4000/dashboard',
  },
  usage_alert: {
    name: 'Ada',
    about: null,
    title: 'API requests: 80% of the included amount is used',
    sentence: '850 of the 1,000 requests included in this period are used. What goes beyond is billed.',
    dashboard_url: 'http://localhost:4000/dashboard',
  },
  operator_notice: {
    title: 'Grace Hopper leaves Pro',
    sentence: 'The subscription of Pro ends on 2026-05-01.',
    rows: [{ description: 'Reason', amount: 'too expensive' }],
    page_url: 'http://localhost:4000/admin/customers/cust_1',
  },
  webhook_disabled: {
    name: 'Ada',
    url: 'https://ada.example/hooks',
    is_gone: false,
    failing_since_on: '2026-05-01',
    webhooks_url: 'http://localhost:4000/dashboard/webhooks',
  },
};

const kinds = Object.keys(samples) as MailKind[];

test.each(kinds)('%s is signed by the seller, adapts to dark readers and asks for one thing', async (kind) => {
  const { subject, html } = await renderMail(kind, samples[kind], brand);
  expect(subject).toContain('Skycast');
  expect(html).toMatch(/^<!DOCTYPE html/);
  expect(html).toContain('name="color-scheme" content="light dark"');
  expect(html).toContain('@media (prefers-color-scheme: dark)');
  expect(html.match(/class="action"/g)).toHaveLength(1);
  expect(html).toContain('mailto:help@skycast.example');
  expect(html).not.toMatch(/<script|<img|https?:\/\/[^"]*farebox/i);
});

test('the text version says the same, addresses included', async () => {
  const verify = await renderMail('verify_address', samples.verify_address, brand);
  expect(verify.text).toContain('Hello Ada,');
  expect(verify.text).toContain('http://localhost:4000/verify?token=abc&next=1');
  const reset = await renderMail('reset_password', samples.reset_password, brand);
  expect(reset.subject).toBe('Set a new password for Skycast');
  expect(reset.text).toContain('http://localhost:4000/reset-password#token=abc');
  expect(reset.text).toContain('works once, for an hour');
  expect(reset.text).toContain('your password stays as it is');
  const welcome = await renderMail('welcome', samples.welcome, brand);
  expect(welcome.text).toContain('sky_live_abcd…');
  expect(welcome.text).toContain('http://localhost:4010');
  const receipt = await renderMail('receipt', samples.receipt, brand);
  for (const part of ['SKY-0001', '$499.00', '$9.60', '$508.60', '1 March 2026', 'https://pay.example/in_1.pdf']) {
    expect(receipt.text).toContain(part);
  }
  for (const { text } of [verify, reset, welcome, receipt]) expect(text).not.toMatch(/<[a-z]|undefined|null|\[object/);
});

test('what a customer typed is text, never markup', async () => {
  const name = '<img src=x onerror=alert(1)> & "Söhne"';
  const { html, text } = await renderMail('verify_address', { ...samples.verify_address, name }, brand);
  expect(html).not.toContain('<img');
  expect(html).toContain('&lt;img src=x onerror=alert(1)&gt; &amp; &quot;Söhne&quot;');
  expect(text).toContain('<img src=x onerror=alert(1)> & "Söhne"');
});

test('a control character in any text is refused, so that no header or line can be added', async () => {
  for (const bad of ['Ada\r\nBcc: all@example.com', 'Ada\u0000', 'Ada\u2028x', '\u202Ecod.exe']) {
    await expect(renderMail('verify_address', { ...samples.verify_address, name: bad }, brand)).rejects.toThrow('name');
    await expect(renderMail('welcome', samples.welcome, { ...brand, seller_name: bad })).rejects.toThrow('seller_name');
  }
  const lines = [{ description: 'a\nb', amount: '1' }];
  await expect(renderMail('receipt', { ...samples.receipt, lines }, brand)).rejects.toThrow('lines.0.description');
});

test('only web addresses become links', async () => {
  for (const url of ['javascript:alert(1)', '/relative', 'data:text/html,x']) {
    await expect(renderMail('verify_address', { name: 'Ada', url }, brand)).rejects.toThrow('not a web address');
  }
});

test('a receipt without pages at Stripe has no action, and with a PDF alone that one', async () => {
  const none = await renderMail('receipt', { ...samples.receipt, invoice_url: null, pdf_url: null }, brand);
  expect(none.html).not.toContain('class="action"');
  const pdf = await renderMail('receipt', { ...samples.receipt, invoice_url: null }, brand);
  expect(pdf.text).toContain('Download the PDF https://pay.example/in_1.pdf');
});

test('a welcome without a first key says how to make one', async () => {
  const { text } = await renderMail('welcome', { ...samples.welcome, key_start: null }, brand);
  expect(text).toContain('Make an API key in the dashboard');
});

test('a mail of a subscription says what happens, when, and what it costs', async () => {
  const says: [MailKind, string[]][] = [
    ['plan_changed', ['Pro', '$499.00 a month', '$240.00']],
    ['change_scheduled', ['Starter', '$99.00 a month', '2026-04-01', 'undo']],
    [
      'payment_failed',
      ['$99.00', 'Your card was declined.', '2026-04-04', 'From 2026-04-08 your API keys can only read.'],
    ],
    ['action_required', ['$99.00', 'https://pay.example/in_2']],
    ['final_notice', ['$99.00', '2026-04-15', 'https://pay.example/in_2']],
    ['cancellation_confirmed', ['2026-05-01', 'undoes the cancellation']],
    ['trial_ending', ['$99.00 a month', '2026-05-01', 'cancel before that day']],
    ['operator_notice', ['ends on 2026-05-01', 'too expensive', 'http://localhost:4000/admin/customers/cust_1']],
    ['trial_ended', ['Pro', '$99.00 a month']],
    ['subscription_confirmed', ['Pro', '$99.00 a month', '2026-06-01']],
    ['refund_issued', ['$12.00']],
    ['upcoming_invoice', ['Pro', '2026-05-01', '$990.00', '$30.00', '$1,020.00', 'What you use until then is added.']],
    ['key_created', ['CI', 'sky_live_abcd', 'revoke the key']],
    ['key_expiring', ['CI', 'sky_live_abcd', '2026-05-08 12:00 UTC']],
    ['key_leaked', ['CI', 'sky_live_abcd', 'https://github.example/ada/app/blob/main/.env', 'revoked at once']],
    ['key_rotated', ['CI', 'sky_live_abcd', '2026-05-01 12:00 UTC']],
  ];
  for (const [kind, parts] of says) {
    const { text } = await renderMail(kind, samples[kind], brand);
    for (const part of parts) expect(text).toContain(part);
    expect(text).not.toMatch(/<[a-z]|undefined|null|\[object/);
  }
  const { text } = await renderMail('payment_failed', { ...samples.payment_failed, next_attempt_on: null }, brand);
  expect(text).toContain('It is not tried again by itself.');
});
