import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { testApp } from '../../packages/server/test/harness.ts';
import { payOnPage } from '../../packages/server/test/visitor.ts';
import { expectAccessible } from './accessible.ts';
import { chromiumPath, openBrowser, openOperator } from './chromium.ts';

vi.setConfig({ testTimeout: 240_000, hookTimeout: 120_000 });

/** An operator looks into the usage of a customer and puts an event right. */
describe.skipIf(chromiumPath === null)('usage events on the page of a customer', async () => {
  const farebox = await testApp();
  let browser: Browser;
  let page: Page;

  beforeAll(async () => {
    browser = await openBrowser();
    page = await openOperator(browser, farebox.url, await farebox.app.issueFirstRunToken());
  });
  afterAll(async () => await browser?.close());

  test('an event is corrected, then void, each with its reason; what it did to the bill is said', async () => {
    const visitor = await farebox.signUp('grace@example.com');
    const checkout = await visitor.post('/v1/checkout_sessions', { plan_id: 'starter' });
    await payOnPage(checkout.url);
    const { subscription } = await visitor.get(`/v1/checkout_sessions/${checkout.id}`);
    const { customer_id } = subscription;
    await farebox.seller.post('/v1/usage/events', { id: 'job-1', type: 'requests', customer_id, quantity: 5 });
    await page.goto(`${farebox.url}/admin/customers/${customer_id}`);
    const panel = page.getByRole('region', { name: 'Usage events' });
    await panel.getByText('requests 5').waitFor();
    await panel.getByRole('button', { name: 'Correct job-1' }).click();
    const dialog = page.getByRole('dialog', { name: 'Correct this event' });
    await dialog.getByLabel('Quantity').fill('3');
    await dialog.getByLabel('Reason').fill('two were tests');
    await expectAccessible(page);
    await dialog.getByRole('button', { name: 'Correct event' }).click();
    await panel.getByText('requests 3').waitFor();
    await panel.getByText('it costs nothing').waitFor();
    await panel.getByRole('button', { name: 'Void job-1' }).click();
    const second = page.getByRole('dialog', { name: 'Void this event' });
    await second.getByLabel('Reason').fill('all of it was');
    await second.getByRole('button', { name: 'Void event' }).click();
    await panel.getByText('it is void: all of it was').waitFor();
    await panel
      .getByRole('list', { name: 'Corrections of job-1' })
      .getByText(/two were tests/)
      .waitFor();
    expect(await panel.getByRole('button', { name: 'Void job-1' }).count()).toBe(0);
    await expectAccessible(page);
  });
});
