import { replays } from '../test/proofs/replays.ts';
import { verdict } from './verdict.ts';

/**
 * Tells a consumer of every event of random histories, in any order, late and more than once, and holds what it then
 * has against the API: `npm run replays -w @farebox/sandbox -- --long`.
 */
await verdict('replays', { short: 200, long: 5_000 }, replays);
