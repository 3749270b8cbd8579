import { expect, test } from 'vitest';
import { dayMs, testApp } from '../harness.ts';
import { smallList } from '../small-list.ts';
import { payOnPage } from '../visitor.ts';

interface Line {
  kind: string;
  quantity: number;
  amount_minor: number;
}

const farebox = await testApp({ list: smallList(5) });

test('a customer buys Pro, calls the API with its first key, and a month later has paid base and overage', async () => {
  const visitor = await farebox.signUp();
  const me = await visitor.get('/v1/me');
  expect(me.customer).toMatchObject({ name: 'Grace Hopper' });

  const checkout = await visitor.post('/v1/checkout_sessions', { plan_id: 'pro' });
  const paid = await payOnPage(checkout.url);
  expect(paid.status).toBe(303);
  expect(paid.headers.get('location')).toBe(`${farebox.url}/checkout/return?checkout_session=${checkout.id}`);

  const returned = await visitor.get(`/v1/checkout_sessions/${checkout.id}`);
  expect(returned).toMatchObject({ state: 'complete', url: null, subscription: { plan_id: 'pro', status: 'active' } });

  const first = await visitor.post('/v1/keys/first');
  expect(first.secret).toMatch(/^sky_test_[0-9A-Za-z]{36}$/);
  const again = await visitor.request('POST', '/v1/keys/first');
  expect(again.status).toBe(404);

  for (let call = 0; call < 8; call += 1) {
    const verified = await verify(first.secret);
    expect(verified).toMatchObject({ valid: true, code: 'VALID', plan_id: 'pro' });
  }
  await farebox.app.settle();
  const summary = await visitor.get('/v1/usage/summary');
  expect(summary.meters[0]).toMatchObject({ quantity: 8, included: 5, overage: 3, remaining: 0 });
  expect(summary.base_amount_minor).toBe(49_900);

  await farebox.sandbox.clock.advance(31 * dayMs + 2 * 3_600_000);
  await farebox.app.settle();
  const { data: invoices } = await visitor.get('/v1/invoices');
  expect(invoices).toHaveLength(2);
  const [renewal, start] = invoices;
  expect(start).toMatchObject({ status: 'paid', total_minor: 49_900, billing_reason: 'subscription_create' });
  expect(renewal).toMatchObject({ status: 'paid', billing_reason: 'subscription_cycle', has_pdf: true });
  // Eight calls, five included: two at 25 cents and one at 10, a line per tier.
  expect(renewal.lines.map((line: Line) => [line.kind, line.quantity, line.amount_minor]).toSorted()).toEqual([
    ['base', 1, 49_900],
    ['overage', 1, 10],
    ['overage', 2, 50],
  ]);
  expect(renewal.total_minor).toBe(49_900 + summary.cost_so_far_minor);

  const fresh = await visitor.get('/v1/usage/summary');
  expect(fresh.meters[0]).toMatchObject({ quantity: 0 });
  const pdf = await visitor.request('GET', `/v1/invoices/${renewal.id}/pdf`);
  expect(pdf.status).toBe(302);
  const file = await fetch(pdf.headers.get('location') ?? '');
  expect(
    Buffer.from(await file.arrayBuffer())
      .subarray(0, 5)
      .toString(),
  ).toBe('%PDF-');
});

test('every mail is sent once: verify the address, welcome with the start of the first key, a receipt per paid invoice, and that the quota is used up', async () => {
  const mails = await farebox.db.kysely
    .selectFrom('inbox_mail')
    .select(['subject', 'recipient', 'text'])
    .orderBy('received_at')
    .execute();
  const notices = await farebox.db.kysely.selectFrom('notice').select(['kind', 'state']).execute();
  expect(notices.every((notice) => notice.state === 'sent')).toBe(true);
  expect(notices.map((notice) => notice.kind).toSorted()).toEqual([
    'receipt',
    'receipt',
    'usage_alert',
    'verify_address',
    'welcome',
  ]);
  expect(mails).toHaveLength(5);
  expect(mails.find((mail) => mail.subject.includes('Welcome'))?.text).toMatch(/sky_test_[0-9A-Za-z]{4}/);
  expect(mails.some((mail) => /sky_test_[0-9A-Za-z]{36}/.test(mail.text))).toBe(false);
});

async function verify(key: string) {
  const response = await fetch(`${farebox.url}/v1/keys/verify`, {
    method: 'POST',
    headers: { authorization: `Bearer ${farebox.secret_key}`, 'content-type': 'application/json' },
    body: JSON.stringify({ key }),
  });
  expect(response.status).toBe(200);
  return await response.json();
}
