import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { testApp } from '../../packages/server/test/harness.ts';
import { dearer, publishChanged } from '../../packages/server/test/published.ts';
import { payOnPage } from '../../packages/server/test/visitor.ts';
import { expectAccessible } from './accessible.ts';
import { chromiumPath, openBrowser, openOperator } from './chromium.ts';

vi.setConfig({ testTimeout: 240_000, hookTimeout: 120_000 });

/** An operator moves customers to a dearer version of their plan, and sees who could not be moved and why. */
describe.skipIf(chromiumPath === null)('customers are moved between versions of a plan', async () => {
  const farebox = await testApp();
  let browser: Browser;
  let page: Page;
  let leaving: string;

  beforeAll(async () => {
    for (let made = 0; made < 3; made += 1) {
      const visitor = await farebox.signUp();
      const checkout = await visitor.post('/v1/checkout_sessions', { plan_id: 'pro' });
      await payOnPage(checkout.url);
      const { subscription } = await visitor.get(`/v1/checkout_sessions/${checkout.id}`);
      if (made === 2) {
        await visitor.post(`/v1/subscriptions/${subscription.id}/cancel`);
        leaving = subscription.customer_id;
      }
    }
    await publishChanged(farebox, 'pro', dearer(59_900));
    browser = await openBrowser();
    page = await openOperator(browser, farebox.url, await farebox.app.issueFirstRunToken());
  });
  afterAll(async () => await browser?.close());

  test('the preview says who moves, who stays and what it is worth; then they move, with their progress shown', async () => {
    await page.getByRole('link', { name: 'Plans' }).first().click();
    const pro = page.getByRole('region', { name: 'Pro', exact: true });
    await pro.getByRole('button', { name: 'Move customers' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByText('2 of 3 customers would move to version 2.').waitFor();
    await dialog.getByText('Recurring revenue goes from $1,497.00 to $1,697.00 a month.').waitFor();
    await dialog.getByRole('list', { name: 'Who stays' }).getByText(leaving).waitFor();
    await dialog.getByText('Now', { exact: true }).click();
    await dialog.getByLabel('The difference for the rest of the period').waitFor();
    await expectAccessible(page);
    await dialog.getByRole('button', { name: 'Move 2' }).click();

    const migration = pro.getByRole('region', { name: 'Migration to version 2' });
    await migration.getByText('2 of 3 moved, 1 failed').waitFor();
    const bar = migration.getByRole('progressbar');
    expect(await bar.getAttribute('aria-valuenow')).toBe('3');
    await migration.getByText('The subscription is to end. Undo the cancellation first.').waitFor();
    await expectAccessible(page);
    await migration.getByRole('button', { name: 'Try again' }).waitFor();
    await pro.getByRole('table', { name: 'Versions of Pro' }).getByRole('row').nth(1).getByText('2').first().waitFor();
  });
});
