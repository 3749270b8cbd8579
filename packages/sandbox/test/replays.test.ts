import { test } from 'vitest';
import { propertySeed } from '../../../test/property-seed.ts';
import { replays } from './proofs/replays.ts';

const RUNS = 30;

// The long form is `npm run replays -w @farebox/sandbox -- --long`.
test(
  'a consumer that reads what events tell of ends with what the API says, in any order',
  { timeout: 60_000 },
  async () => {
    await replays({ runs: RUNS, seed: propertySeed, counts: {} });
  },
);
