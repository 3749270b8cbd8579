import { webhookEventTypes } from '@farebox/core';
import { expect, test } from 'vitest';
import type { Delivery, WebhookEndpoint } from './api.ts';
import { endpointStatus, endpointTrouble, outcomeText, typeGroups, typesText } from './words.ts';

test('the seller chooses among all types but the test, a customer among those that can concern it', () => {
  const all = typeGroups('seller').flatMap(({ types }) => types.map(({ type }) => type));
  expect(all.toSorted()).toEqual(webhookEventTypes.filter((type) => type !== 'webhook_endpoint.test').toSorted());
  const own = typeGroups('customer').map(({ resource }) => resource);
  expect(own).toContain('invoice');
  expect(own).not.toContain('plan');
  expect(typeGroups('seller').find(({ resource }) => resource === 'api_key')?.label).toBe('API key');
});

test.each([
  [['*'], 'Everything'],
  [['*', 'invoice.paid'], 'Everything'],
  [['invoice.paid'], 'invoice.paid'],
  [['invoice.paid', 'invoice.voided'], 'invoice.paid, invoice.voided'],
  [['a.b', 'a.c', 'a.d'], '3 types'],
])('%j is said as %s', (types, text) => {
  expect(typesText(types)).toBe(text);
});

const endpoint: WebhookEndpoint = {
  id: 'whk_1',
  customer_id: null,
  url: 'https://example.com',
  description: '',
  event_types: ['*'],
  status: 'enabled',
  disabled_reason: null,
  failing_since_at: null,
  former_until_at: null,
};

test('an endpoint says how it is', () => {
  expect(endpointStatus(endpoint)).toEqual({ tone: 'good', text: 'On' });
  expect(endpointStatus({ ...endpoint, failing_since_at: '2026-03-01T00:00:00Z' }).text).toBe('Failing');
  const off: WebhookEndpoint = { ...endpoint, status: 'disabled', disabled_reason: 'by_hand' };
  expect([endpointStatus(off).text, endpointTrouble(off)]).toEqual(['Off', null]);
  const failed: WebhookEndpoint = { ...off, disabled_reason: 'failing' };
  expect([endpointStatus(failed).text, endpointTrouble(failed)]).toEqual([
    'Switched off',
    'It took nothing for five days.',
  ]);
});

test('an attempt says what came of it', () => {
  const delivery: Delivery = {
    id: 'whd_1',
    endpoint_id: 'whk_1',
    event_id: 'evnt_1',
    event_type: 'invoice.paid',
    state: 'succeeded',
    attempts: 1,
    next_attempt_at: null,
    last_attempt_at: null,
    status: 200,
    answer: 'ok',
    failure: null,
    duration_ms: 35,
    created_at: '2026-03-01T00:00:00Z',
  };
  expect(outcomeText(delivery)).toBe('Answered 200 in 35 ms');
  expect(outcomeText({ ...delivery, state: 'failed', status: null, failure: 'Nothing listens there.' })).toBe(
    'Nothing listens there.',
  );
  expect(outcomeText({ ...delivery, state: 'pending', status: null })).toBe('It was not sent yet.');
});
