import { year } from '../test/proofs/year.ts';
import { verdict } from './verdict.ts';

/**
 * A year of 200 subscriptions on test clocks, through the official SDK; then every period, line and total is computed
 * anew and compared: `npm run year -w @farebox/sandbox`.
 */
await verdict('year', { short: 200, long: 1_000 }, year);
