import { createHmac } from 'node:crypto';
import { expect, test } from 'vitest';
import { WebhookSignatureError, verifyWebhook } from './index.ts';

// The example of the Standard Webhooks libraries, so that what others made can be read here too:
// https://github.com/standard-webhooks/standard-webhooks/blob/main/libraries/javascript/src/index.test.ts
const vector = {
  secret: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw',
  id: 'msg_p5jXN8AQM9LWM0D4loKWxJek',
  timestamp: '1614265330',
  body: '{"test": 2432232314}',
  signature: 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
};
const now = 1_614_265_330_000;
const secret = `whsec_${Buffer.from('a secret of twenty-four!').toString('base64')}`;
const body = JSON.stringify({ object: 'event', id: 'evnt_1', type: 'invoice.paid' });

function sign(over: { secret?: string; id?: string; timestamp?: string; body?: string } = {}): Record<string, string> {
  const { id = 'evnt_1', timestamp = '1614265330', body: text = body } = over;
  const key = Buffer.from((over.secret ?? secret).slice(6), 'base64');
  const signature = createHmac('sha256', key).update(`${id}.${timestamp}.${text}`).digest('base64');
  return { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': `v1,${signature}` };
}

test('the vector of Standard Webhooks is accepted', async () => {
  const headers = {
    'webhook-id': vector.id,
    'webhook-timestamp': vector.timestamp,
    'webhook-signature': vector.signature,
  };
  await expect(verifyWebhook(vector.secret, headers, vector.body, { now })).resolves.toEqual({ test: 2_432_232_314 });
});

test('a good message answers its event, from Headers, plain headers, text or bytes', async () => {
  const event = { id: 'evnt_1', type: 'invoice.paid' };
  await expect(verifyWebhook(secret, sign(), body, { now })).resolves.toMatchObject(event);
  await expect(verifyWebhook(secret, new Headers(sign()), body, { now })).resolves.toMatchObject(event);
  await expect(verifyWebhook(secret, sign(), new TextEncoder().encode(body), { now })).resolves.toMatchObject(event);
});

test('of several signatures one is enough: while a secret is rotated there are two', async () => {
  const other = `whsec_${Buffer.from('another secret, as long!').toString('base64')}`;
  const both = `${sign({ secret: other })['webhook-signature']} v1a,ed25519 ${sign()['webhook-signature']}`;
  await expect(verifyWebhook(secret, { ...sign(), 'webhook-signature': both }, body, { now })).resolves.toBeTruthy();
});

test.each([
  ['another body', sign(), `${body} `],
  ['another id', { ...sign(), 'webhook-id': 'evnt_2' }, body],
  ['another time', { ...sign(), 'webhook-timestamp': '1614265331' }, body],
  ['another secret', sign({ secret: `whsec_${Buffer.from('not this one').toString('base64')}` }), body],
  ['too old', sign({ timestamp: '1614265029' }), body],
  ['from the future', sign({ timestamp: '1614265631' }), body],
  ['a time that is no number', { ...sign(), 'webhook-timestamp': '1614265330.0' }, body],
  ['no id', { ...sign(), 'webhook-id': '' }, body],
  ['no signature', { 'webhook-id': 'evnt_1', 'webhook-timestamp': '1614265330' }, body],
  ['an empty signature', { ...sign(), 'webhook-signature': 'v1,' }, body],
  ['a signature that is no base64', { ...sign(), 'webhook-signature': 'v1,§§§' }, body],
  [
    'a signature of another kind',
    { ...sign(), 'webhook-signature': sign()['webhook-signature']?.slice(3) ?? '' },
    body,
  ],
])('%s is refused', async (_, headers, text) => {
  await expect(verifyWebhook(secret, headers, text, { now })).rejects.toThrow(WebhookSignatureError);
});

test.each(['', 'whsec_', 'whsec_§', 'fbx_sk_test_1'])('%j is no secret of an endpoint', async (wrong) => {
  await expect(verifyWebhook(wrong, sign(), body, { now })).rejects.toThrow(TypeError);
});
