import { test } from 'vitest';
import { propertySeed } from '../../../test/property-seed.ts';
import { year } from './proofs/year.ts';

const SUBSCRIPTIONS = 3;

// The long form, of 200 subscriptions, is `npm run year -w @farebox/sandbox`.
test('a year tiles, and every line and total of it can be computed anew', { timeout: 60_000 }, async () => {
  await year({ runs: SUBSCRIPTIONS, seed: propertySeed, counts: {} });
});
