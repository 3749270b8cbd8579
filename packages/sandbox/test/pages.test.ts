import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Bench, bench, DAY, HOUR, subscriber } from './harness.ts';

let b: Bench;
beforeEach(async () => {
  b = await bench();
});
afterEach(() => b.close());

const post = (path: string, body: string | URLSearchParams, headers: Record<string, string> = {}): Promise<Response> =>
  fetch(`${b.url}/_sandbox/${path}`, { method: 'POST', body, headers, redirect: 'manual' });

const json = { 'content-type': 'application/json' };

test('the invoice page and its PDF show seller, customer, number, lines and totals', async () => {
  await subscriber(b.stripe);
  const [invoice] = (await b.stripe.invoices.list()).data;
  const page = await (await fetch(invoice?.hosted_invoice_url ?? '')).text();
  for (const text of ['Skycast', 'Ada', invoice?.number ?? '', '1 × Pro', '$499.00', 'Paid on']) {
    expect(page).toContain(text);
  }
  const response = await fetch(invoice?.invoice_pdf ?? '');
  const pdf = Buffer.from(await response.arrayBuffer()).toString('latin1');
  expect(response.headers.get('content-type')).toBe('application/pdf');
  expect(pdf.startsWith('%PDF-1.4\n')).toBe(true);
  expect(pdf.endsWith('%%EOF\n')).toBe(true);
  for (const text of ['(Skycast)', `(${invoice?.number})`, '($499.00)', '(1 \\327 Pro \\(at $499.00 / month\\))']) {
    expect(pdf).toContain(text);
  }
  const start = Number(/startxref\n(\d+)/.exec(pdf)?.[1]);
  expect(pdf.slice(start, start + 4)).toBe('xref');
  const offsets = [...pdf.matchAll(/^(\d{10}) 00000 n $/gm)].map((match) => Number(match[1]));
  for (const [index, at] of offsets.entries()) expect(pdf.slice(at).startsWith(`${index + 1} 0 obj`)).toBe(true);
});

test('a long invoice goes over several pages of PDF', async () => {
  const { customer } = await subscriber(b.stripe);
  for (let n = 0; n < 40; n += 1) {
    await b.stripe.invoiceItems.create({ customer: customer.id, amount: n, currency: 'usd', description: `Item ${n}` });
  }
  await b.sandbox.clock.advance(33 * DAY);
  const [invoice] = (await b.stripe.invoices.list({ limit: 1 })).data;
  expect(invoice?.lines).toMatchObject({ has_more: true, total_count: 41 });
  const all = await b.stripe.invoices.listLineItems(invoice?.id ?? '', { limit: 100 });
  expect(all.data.map((line) => line.description).slice(0, 2)).toEqual(['Item 39', 'Item 38']);
  const pdf = Buffer.from(await (await fetch(invoice?.invoice_pdf ?? '')).arrayBuffer()).toString('latin1');
  expect(pdf).toContain('/Count 3');
});

test('the control room shows the clock, due work, objects and events, and what people typed is escaped', async () => {
  const { customer } = await subscriber(b.stripe);
  await b.stripe.customers.update(customer.id, { name: '<img src=x onerror=alert(1)>' });
  const response = await fetch(`${b.url}/_sandbox`);
  const page = await response.text();
  for (const text of ['+31 days', 'cycle', customer.id, 'invoice.paid', 'Release 0 held', '&lt;img src=x']) {
    expect(page).toContain(text);
  }
  expect(page).not.toContain('<img');
  expect(response.headers.get('content-security-policy')).toContain("default-src 'none'");
});

test('the clock moves by form and by JSON', async () => {
  await subscriber(b.stripe);
  const before = b.sandbox.clock.now();
  const form = await post('clock/advance', new URLSearchParams({ days: '1' }));
  expect([form.status, form.headers.get('location')]).toEqual([303, '/_sandbox']);
  const answer = (await (await post('clock/advance', JSON.stringify({ hours: 2, ms: 5 }), json)).json()) as {
    from: number;
    to: number;
  };
  // The clock also runs on while it is moved.
  expect(answer.to - answer.from).toBeGreaterThanOrEqual(2 * HOUR + 5);
  expect(answer.to - answer.from).toBeLessThan(2 * HOUR + 60_000);
  expect(b.sandbox.clock.now() - before).toBeGreaterThanOrEqual(DAY + 2 * HOUR + 5);
  for (const bad of ['{}', '{"days":-1}', '{"days":"x"}', '{', '{"days":99999}']) {
    expect((await post('clock/advance', bad, json)).status).toBe(400);
  }
});

test('policy and release work by JSON, and state tells them', async () => {
  expect(await (await post('webhooks/policy', '{"policy":"hold"}', json)).json()).toEqual({ policy: 'hold' });
  expect(b.sandbox.webhooks.policy).toBe('hold');
  expect((await post('webhooks/policy', '{"policy":"maybe"}', json)).status).toBe(400);
  expect(await (await post('webhooks/release', '', json)).json()).toEqual({ released: 0 });
  const state = (await (await fetch(`${b.url}/_sandbox/state`)).json()) as object;
  expect(state).toMatchObject({ policy: 'hold', counts: { customers: 0 } });
});

test('a page of another site cannot press the buttons', async () => {
  const response = await post('clock/advance', new URLSearchParams({ days: '1' }), { origin: 'http://evil.test' });
  expect(response.status).toBe(403);
  const own = await post('clock/advance', new URLSearchParams({ days: '1' }), { origin: b.url });
  expect(own.status).toBe(303);
});

test('what is not there says so in HTML', async () => {
  for (const path of ['/c/pay/cs_test_x', '/i/x', '/i/x/pdf', '/_sandbox/x']) {
    expect((await fetch(`${b.url}${path}`)).status).toBe(404);
  }
  expect((await fetch(`${b.url}/_sandbox`, { method: 'DELETE' })).status).toBe(405);
});
