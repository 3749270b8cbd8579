import type { PriceList } from '@farebox/core';
import { afterAll } from 'vitest';
import exampleList from '../../../farebox.config.ts';
import { watched } from './contract.ts';
import { testDatabase } from './database.ts';
import { type WholeApp, startWholeApp } from './whole-app.ts';

export type TestApp = Omit<WholeApp, 'close'>;

/** The whole program for one test file. Call at the top level of the file; everything ends after its tests. */
export async function testApp(options: { list?: PriceList } = {}): Promise<TestApp> {
  const db = await testDatabase();
  const { close, ...app } = await startWholeApp({ db, list: options.list ?? exampleList, watch: watched });
  afterAll(close);
  return app;
}

export const dayMs = 86_400_000;
