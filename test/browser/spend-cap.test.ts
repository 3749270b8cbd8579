import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, test, vi } from 'vitest';
import { testApp } from '../../packages/server/test/harness.ts';
import { payOnPage } from '../../packages/server/test/visitor.ts';
import { expectAccessible } from './accessible.ts';
import { chromiumPath, openBrowser, openOperator } from './chromium.ts';

vi.setConfig({ testTimeout: 240_000, hookTimeout: 120_000 });

describe.skipIf(chromiumPath === null)('the spend cap on both dashboards', async () => {
  const farebox = await testApp();
  let browser: Browser;
  beforeAll(async () => {
    browser = await openBrowser();
  });
  afterAll(async () => await browser?.close());

  test('a customer sets its own, the seller a lower one: each sees which counts; removed, the other counts again', async () => {
    const visitor = await farebox.signUp('grace@example.com');
    const checkout = await visitor.post('/v1/checkout_sessions', { plan_id: 'starter' });
    await payOnPage(checkout.url);
    const { subscription } = await visitor.get(`/v1/checkout_sessions/${checkout.id}`);
    const { url } = await farebox.seller.post(`/v1/customers/${subscription.customer_id}/portal_sessions`, {});
    const own = await (await browser.newContext()).newPage();
    await own.goto(url);
    const mine = own.getByRole('region', { name: 'Spend cap' });
    await mine.getByText('billed without a limit').waitFor();
    await mine.getByLabel('At most, in a month').fill('50');
    await mine.getByRole('button', { name: 'Set cap' }).click();
    await mine.getByText('$0.00 of $50.00 spent on usage').waitFor();
    await own.getByText('at most $50.00 a month').waitFor();
    await expectAccessible(own);

    const page = await openOperator(browser, farebox.url, await farebox.app.issueFirstRunToken());
    await page.goto(`${farebox.url}/admin/customers/${subscription.customer_id}`);
    const panel = page.getByRole('region', { name: 'Spend cap' });
    await panel.getByText('The customer’s own cap of $50.00 counts.').waitFor();
    await panel.getByLabel('At most, in a month').fill('much');
    await panel.getByRole('button', { name: 'Set cap' }).click();
    await panel.locator('[aria-invalid=true]').waitFor();
    await panel.getByLabel('At most, in a month').fill('20');
    await panel.getByRole('button', { name: 'Set cap' }).click();
    await panel.getByText('$0.00 of $20.00 spent on usage').waitFor();
    await expectAccessible(page);
    await own.reload();
    await mine.getByText('Your provider’s cap of $20.00 counts.').waitFor();
    await panel.getByRole('button', { name: 'Remove cap' }).click();
    await panel.getByText('$0.00 of $50.00').waitFor();
  });
});
