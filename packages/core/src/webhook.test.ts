import { expect, test } from 'vitest';
import {
  isWebhookGivenUp,
  mostWebhookAttempts,
  webhookEventTypes,
  webhookPatienceMs,
  webhookRetryAt,
} from './webhook.ts';

const now = Date.UTC(2026, 2, 1);

test.each([
  [1, '5 s', 5_000],
  [2, '5 min', 300_000],
  [3, '30 min', 1_800_000],
  [4, '2 h', 7_200_000],
  [5, '5 h', 18_000_000],
  [6, '10 h', 36_000_000],
  [7, '14 h', 50_400_000],
  [8, '20 h', 72_000_000],
  [9, '24 h', 86_400_000],
  [10, '24 h', 86_400_000],
  [11, '24 h', 86_400_000],
])('after try %i the next follows in %s, a tenth later at most', (attempts, _text, wait) => {
  expect(webhookRetryAt(attempts, 0, now)).toBe(now + wait);
  const latest = webhookRetryAt(attempts, 0.999_999, now) ?? 0;
  expect(latest).toBeGreaterThan(now + wait);
  expect(latest).toBeLessThanOrEqual(now + wait * 1.1);
});

test('the twelfth try is the last', () => {
  expect(mostWebhookAttempts).toBe(12);
  expect(webhookRetryAt(12, 0, now)).toBeNull();
  expect(webhookRetryAt(50, 0.5, now)).toBeNull();
});

test('whatever the chance, a delivery that always fails outlasts the patience with its endpoint, so that one alone switches it off', () => {
  for (const chance of [0, 0.3, 0.999]) {
    let at = now;
    for (let attempts = 1; ; attempts += 1) {
      const next = webhookRetryAt(attempts, chance, at);
      if (next === null) break;
      at = next;
    }
    expect(isWebhookGivenUp(now, at)).toBe(true);
  }
});

test.each([
  [0, false],
  [webhookPatienceMs - 1, false],
  [webhookPatienceMs, true],
  [webhookPatienceMs + 1, true],
])('failing for %i ms: given up %s', (ms, given_up) => {
  expect(isWebhookGivenUp(now, now + ms)).toBe(given_up);
});

test('types are resource.past_tense, each once', () => {
  expect(new Set(webhookEventTypes).size).toBe(webhookEventTypes.length);
  for (const type of webhookEventTypes) expect(type).toMatch(/^[a-z_]+\.[a-z_]+$/);
});
