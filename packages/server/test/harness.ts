import { afterAll } from 'vitest';
import exampleList from '../../../farebox.config.ts';
import { testNow } from '../../../test/test-start.ts';
import { watched, watchedCalls } from './contract.ts';
import { testDatabase } from './database.ts';
import { type WholeApp, startWholeApp } from './whole-app.ts';

export type TestApp = Omit<WholeApp, 'close'>;
type Options = Omit<Parameters<typeof startWholeApp>[0], 'watch'>;

/**
 * The whole program for one test file. Call at the top level of the file; everything ends after its tests. For one test alone:
 * in a `beforeEach` that hands over its `onTestFinished`. Its clock begins at `testStart`; where processes of their own share the database,
 * which have the machine's clock, it is given that one: `sandbox: { now: systemClock.now }`.
 */
export async function testApp(
  options: Partial<Omit<Options, 'db'>> = {},
  atEnd: (end: () => Promise<void>) => void = afterAll,
): Promise<TestApp> {
  const db = await testDatabase({ atEnd });
  const { close, ...app } = await startWatched({ ...options, db, list: options.list ?? exampleList });
  atEnd(close);
  return app;
}

/** The same on a given database, for a test that ends it itself; every answer is held against the document. */
export async function startWatched(options: Options): Promise<WholeApp> {
  const sandbox = { now: testNow, ...options.sandbox };
  return await startWholeApp({ ...options, sandbox, watch: { fetch: watched, calls: watchedCalls } });
}

export const dayMs = 86_400_000;
