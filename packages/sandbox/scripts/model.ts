import { explore } from '../test/model/run.ts';
import { verdict } from './verdict.ts';

/**
 * Plays random sequences of commands to the sandbox and to a second, naive implementation, and holds them against each
 * other after each: `npm run model -w @farebox/sandbox -- --long`.
 */
await verdict('model', { short: 500, long: 20_000 }, explore);
