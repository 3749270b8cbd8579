import { expect, test } from 'vitest';
import { exampleProps } from './example.ts';
import { sampleCommand, sampleHeaders } from './sample.ts';

const [plan] = exampleProps.plans;

test('the sample shows the headers the gate would write for the plan', () => {
  expect(Object.fromEntries(sampleHeaders(plan!))).toEqual({
    'RateLimit-Policy': '"1s";q=10;w=1,\n  "1m";q=300;w=60,\n  "month";q=100000',
    RateLimit: '"1s";r=9;t=1,\n  "1m";r=299;t=60,\n  "month";r=99999;t=2592000',
    'Farebox-Quota-Remaining': '99999',
    'Farebox-Cost': '0 usd',
  });
});

test('the command calls the seller’s API at the path that answers', () => {
  const seller = { ...exampleProps.seller, example_path: '/v1/forecast?city=Oslo' };
  expect(sampleCommand(seller)[0]).toBe('curl -i "http://localhost:4010/v1/forecast?city=Oslo"');
  expect(sampleCommand(exampleProps.seller)[0]).toBe('curl -i "http://localhost:4010/"');
});
