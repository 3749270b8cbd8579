import { AxeBuilder } from '@axe-core/playwright';
import { afterAll, describe, expect, test } from 'vitest';
import { testApp } from '../../packages/server/test/harness.ts';
import { chromiumPath, openBrowser } from './chromium.ts';

/** The reference is read where nothing else can be reached: on a laptop in a train, behind a company's wall. */
describe.skipIf(chromiumPath === null)('the API reference', async () => {
  const farebox = await testApp();
  const browser = chromiumPath === null ? null : await openBrowser();
  afterAll(async () => await browser?.close());

  test.each([
    ['phone, dark', { width: 390, height: 844 }, 'dark' as const],
    ['desk, light', { width: 1280, height: 900 }, 'light' as const],
  ])('draws every resource, asks nobody else and fits its screen: %s', async (_name, viewport, colorScheme) => {
    const context = await browser!.newContext({ viewport, colorScheme });
    const page = await context.newPage();
    const faults: string[] = [];
    page.on('request', (request) => {
      if (!/^(data|blob):/.test(request.url()) && !request.url().startsWith(farebox.url)) faults.push(request.url());
    });
    page.on('console', (message) => {
      if (message.type() === 'error') faults.push(message.text());
    });
    page.on('pageerror', (error) => faults.push(error.message));
    await page.goto(`${farebox.url}/docs/api`);
    await page.getByRole('heading', { name: 'Farebox', level: 1 }).waitFor();
    await page.getByRole('heading', { name: 'Invoices' }).first().waitFor();
    const wide = await page.evaluate('document.documentElement.scrollWidth - document.documentElement.clientWidth');
    expect([faults, wide]).toEqual([[], 0]);
    const { violations } = await new AxeBuilder({ page }).setLegacyMode().withRules(['color-contrast']).analyze();
    expect(violations.flatMap(({ nodes }) => nodes.map(({ html }) => html))).toEqual([]);
    await context.close();
  });
});
