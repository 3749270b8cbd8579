import { expect, test } from 'vitest';
import { latencyText, durationText, statusTone, sumText } from './answer-words.ts';

const row = (status: number, answers: number) => ({
  endpoint: '/v1/forecast',
  status,
  answers,
  latency_ms: { average: 1, p50: 2, p95: 2, p99: 2 },
});

const plain = (text: string): string => text.replaceAll('\u00a0', ' ');

test('latencies are told in the unit one reads, and one over every bound as that', () => {
  expect([2, 500, 1000, 30_000, null].map((ms) => plain(latencyText(ms)))).toEqual([
    '≤ 2 ms',
    '≤ 500 ms',
    '≤ 1 s',
    '≤ 30 s',
    '> 30 s',
  ]);
  expect([0, 999, 1250].map((ms) => plain(durationText(ms)))).toEqual(['0 ms', '999 ms', '1.3 s']);
});

test('a refusal is not a failure of the API', () => {
  expect([200, 204, 304, 404, 429, 499, 500, 504].map(statusTone)).toEqual([
    'good',
    'good',
    'neutral',
    'warn',
    'warn',
    'warn',
    'bad',
    'bad',
  ]);
  expect(sumText([row(200, 1), row(404, 3)])).toBe('4 answers, none of them a failure of the API.');
  expect(sumText([row(200, 1200), row(503, 1), row(504, 3)])).toBe('1,204 answers, 4 of them failures of the API.');
});
