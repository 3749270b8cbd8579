import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { testApp } from '../../packages/server/test/harness.ts';
import { payOnPage } from '../../packages/server/test/visitor.ts';
import { expectAccessible } from './accessible.ts';
import { chromiumPath, openBrowser, openOperator } from './chromium.ts';

vi.setConfig({ testTimeout: 240_000, hookTimeout: 120_000 });

/** An operator gives one customer more than its plan says, and takes it back. */
describe.skipIf(chromiumPath === null)('one customer has other limits than its plan says', async () => {
  const farebox = await testApp();
  let browser: Browser;
  let page: Page;
  let secret: string;

  beforeAll(async () => {
    const visitor = await farebox.signUp('grace@example.com');
    const checkout = await visitor.post('/v1/checkout_sessions', { plan_id: 'starter' });
    await payOnPage(checkout.url);
    await visitor.get(`/v1/checkout_sessions/${checkout.id}`);
    secret = (await visitor.post('/v1/keys/first')).secret;
    browser = await openBrowser();
    page = await openOperator(browser, farebox.url, await farebox.app.issueFirstRunToken());
  });
  afterAll(async () => await browser?.close());

  test('set on the customer’s page with a reason, it counts with the next request; the plan comes back as fast', async () => {
    await page.goto(`${farebox.url}/admin/customers`);
    await page.getByRole('link', { name: 'Grace Hopper' }).click();
    const panel = page.getByRole('region', { name: 'Overrides' });
    await panel.getByLabel('Requests per 1s').fill('25');
    await panel.getByLabel('Historical data').selectOption('on');
    await panel.getByLabel('Reason').fill('a launch');
    await expectAccessible(page);
    await panel.getByRole('button', { name: 'Save' }).click();
    await panel.getByText('In force').waitFor();
    await panel.getByRole('list', { name: 'Changes' }).getByText('a launch').waitFor();
    const more = await farebox.verify(secret);
    expect(more.limits[0]).toMatchObject({ name: '1s', limit: 25 });
    expect(more.features).toMatchObject({ history: true });

    await panel.getByRole('button', { name: 'Back to the plan' }).click();
    await panel.getByText('In force').waitFor({ state: 'detached' });
    expect((await farebox.verify(secret)).limits[0]).toMatchObject({ limit: 10 });
  });
});
