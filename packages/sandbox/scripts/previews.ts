import { previews } from '../test/proofs/previews.ts';
import { verdict } from './verdict.ts';

/**
 * Previews random changes with a `proration_date`, makes them, and compares with the invoice that follows, to the cent
 * and line: `npm run previews -w @farebox/sandbox -- --long`.
 */
await verdict('previews', { short: 500, long: 10_000 }, previews);
