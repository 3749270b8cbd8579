import { test } from 'vitest';
import { explore } from './model/run.ts';

const RUNS = 60;

// The long form is `npm run model -w @farebox/sandbox -- --long`.
test('a naive second implementation says the same after every command', { timeout: 60_000 }, async () => {
  await explore({ runs: RUNS, seed: Math.floor(Math.random() * 2 ** 31), counts: {} });
});
