import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { testApp } from '../../packages/server/test/harness.ts';
import { expectAccessible } from './accessible.ts';
import { chromiumPath, openBrowser } from './chromium.ts';

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

/** Somebody whom the seller's own site signs in sees the dashboard, and goes back to where they came from. */
describe.skipIf(chromiumPath === null)('the dashboard without an account', async () => {
  const farebox = await testApp();
  let browser: Browser;

  beforeAll(async () => void (browser = await openBrowser()));
  afterAll(async () => await browser?.close());

  test('the link opens it once; the menu leads back; the used link says what to do', async () => {
    const { id } = await farebox.seller.post('/v1/customers', {
      external_id: 'user_7',
      name: 'Grace Hopper',
      email: 'grace@example.com',
    });
    const { url } = await farebox.seller.post(`/v1/customers/${id}/portal_sessions`, {
      return_url: `${farebox.url}/docs/api`,
    });
    const page = await (await browser.newContext()).newPage();
    await page.goto(url);
    await page.waitForURL(`${farebox.url}/dashboard`);
    await page.getByRole('button', { name: 'Account: Grace Hopper' }).click();
    await expectAccessible(page);
    await page.getByRole('menuitem', { name: `Back to ${new URL(farebox.url).host}` }).click();
    await page.waitForURL(`${farebox.url}/docs/api`);

    await page.goto(url);
    await page.getByRole('heading', { name: 'This link does not work' }).waitFor();
    await expectAccessible(page);
    expect(page.url()).toBe(`${farebox.url}/portal`);
  });
});
