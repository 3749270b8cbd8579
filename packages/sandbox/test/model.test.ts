import { test } from 'vitest';
import { propertySeed } from '../../../test/property-seed.ts';
import { explore } from './model/run.ts';

const RUNS = 60;

// The long form is `npm run model -w @farebox/sandbox -- --long`.
test('a naive second implementation says the same after every command', { timeout: 60_000 }, async () => {
  await explore({ runs: RUNS, seed: propertySeed, counts: {} });
});
