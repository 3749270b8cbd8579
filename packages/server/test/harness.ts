import type { PriceList } from '@farebox/core';
import type { SandboxOptions } from '@farebox/sandbox';
import { afterAll } from 'vitest';
import exampleList from '../../../farebox.config.ts';
import { watched, watchedCalls } from './contract.ts';
import { testDatabase } from './database.ts';
import { type WholeApp, startWholeApp } from './whole-app.ts';

export type TestApp = Omit<WholeApp, 'close'>;

/** The whole program for one test file. Call at the top level of the file; everything ends after its tests. */
export async function testApp(
  options: {
    list?: PriceList;
    sandbox?: Pick<SandboxOptions, 'now' | 'frozen'>;
    environment?: Record<string, string>;
  } = {},
): Promise<TestApp> {
  const db = await testDatabase();
  const { close, ...app } = await startWholeApp({
    ...options,
    db,
    list: options.list ?? exampleList,
    watch: { fetch: watched, calls: watchedCalls },
  });
  afterAll(close);
  return app;
}

export const dayMs = 86_400_000;
