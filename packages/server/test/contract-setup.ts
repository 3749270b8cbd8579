import { afterEach, expect } from 'vitest';
import { takeFaults, watchingFetch } from './contract.ts';

/** Before every test file: whatever the program answers during a test is what its document promises. */
globalThis.fetch = watchingFetch(globalThis.fetch);
afterEach(() => {
  expect(takeFaults(), 'answers that docs/openapi.json does not promise').toEqual([]);
});
