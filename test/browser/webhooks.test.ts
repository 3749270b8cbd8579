import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { testApp } from '../../packages/server/test/harness.ts';
import { startReceiver } from '../../packages/server/test/receiver.ts';
import { expectAccessible } from './accessible.ts';
import { chromiumPath, openBrowser, openOperator } from './chromium.ts';

/** An operator adds an endpoint, tries it, sees what failed and sends it again; a customer has its own. */
describe.skipIf(chromiumPath === null)('webhooks on the pages', async () => {
  const farebox = await testApp();
  const receiver = await startReceiver();
  let browser: Browser;
  let page: Page;

  beforeAll(async () => {
    browser = await openBrowser();
    page = await openOperator(browser, farebox.url, await farebox.app.issueFirstRunToken());
  });
  afterAll(async () => {
    await browser?.close();
    await receiver.close();
  });

  const look = async (of: Page, name: string) => {
    const folder = process.env['FAREBOX_SCREENSHOTS'];
    if (folder === undefined) return;
    for (const colorScheme of ['light', 'dark'] as const) {
      await of.emulateMedia({ colorScheme });
      for (const width of [1280, 390]) {
        await of.setViewportSize({ width, height: 900 });
        await of.screenshot({ path: `${folder}/${name}-${width}-${colorScheme}.png`, fullPage: true });
      }
    }
    await of.emulateMedia({ colorScheme: 'light' });
    await of.setViewportSize({ width: 1280, height: 900 });
  };

  test('an endpoint is added with chosen types, its secret is shown once, a test is taken', async () => {
    await page.goto(`${farebox.url}/admin/webhooks`);
    await page.getByText('No endpoints yet').waitFor();
    await expectAccessible(page);
    await look(page, 'empty');
    await page.getByRole('button', { name: 'Add endpoint' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('Address').fill('https://10.0.0.1/hooks');
    await dialog.getByRole('button', { name: 'Add endpoint' }).click();
    await dialog.getByText('This address is not on the public internet.').waitFor();
    await dialog.getByLabel('Address').fill(receiver.url);
    await dialog.getByRole('switch', { name: 'Everything' }).click();
    expect(await dialog.getByRole('button', { name: 'Add endpoint' }).isDisabled()).toBe(true);
    await dialog.getByRole('group', { name: 'Customer' }).getByLabel('Created').check();
    await expectAccessible(page);
    await look(page, 'picker');
    await dialog.getByRole('button', { name: 'Add endpoint' }).click();
    await dialog.getByText('whsec_').waitFor();
    await look(page, 'secret');
    await dialog.getByRole('button', { name: 'Done' }).click();
    await page.getByRole('button', { name: `Actions of ${receiver.url}` }).click();
    await page.getByRole('menuitem', { name: 'Send a test' }).click();
    await page.getByText('The test was taken.').waitFor();
    expect(await page.content()).not.toContain('whsec_');
  });

  test('what failed is seen with its answer, and sent again', async () => {
    receiver.answer = () => ({ status: 503, body: 'the books are closed' });
    await farebox.signUp('ada@example.com');
    await farebox.app.settle();
    await page.reload();
    const deliveries = page.getByRole('table', { name: 'Webhook deliveries' });
    const row = deliveries.getByRole('row', { name: /customer.created/ });
    await row.getByText('Answered 503').waitFor();
    await deliveries.locator('summary').first().click();
    await deliveries.getByText('the books are closed').waitFor();
    await expectAccessible(page);
    await look(page, 'deliveries');
    receiver.answer = () => ({ status: 200 });
    await row.getByRole('button', { name: 'Send again' }).click();
    await row.getByText('Taken').waitFor();
  });

  test('the secret is rotated, the endpoint switched off and deleted', async () => {
    const choose = async (name: string) => {
      await page.getByRole('button', { name: `Actions of ${receiver.url}` }).click();
      await page.getByRole('menuitem', { name }).click();
    };
    await choose('Rotate secret');
    await page.getByRole('dialog').getByRole('button', { name: 'Rotate secret' }).click();
    await page.getByText('Messages are signed with both until').waitFor();
    await page.getByRole('button', { name: 'Done' }).click();
    await choose('Switch off');
    await page.getByRole('table', { name: 'Webhook endpoints' }).getByText('Off', { exact: true }).waitFor();
    await choose('Delete');
    await page.getByRole('dialog').getByRole('button', { name: 'Delete endpoint' }).click();
    await page.getByText('No endpoints yet').waitFor();
  });

  test('a customer has a page of its own, with types that can concern it', async () => {
    const context = await browser.newContext({ viewport: { width: 1280, height: 900 } });
    const own = await context.newPage();
    await own.goto(`${farebox.url}/sign-in?next=/dashboard/webhooks`);
    await own.getByLabel('Email').fill('ada@example.com');
    await own.getByRole('textbox', { name: 'Password' }).fill('a long enough password');
    await own.getByRole('button', { name: 'Sign in' }).click();
    await own.getByRole('button', { name: 'Add endpoint' }).click();
    const dialog = own.getByRole('dialog');
    await dialog.getByLabel('Address').fill(receiver.url);
    await dialog.getByRole('switch', { name: 'Everything' }).click();
    expect(await dialog.getByRole('group', { name: 'Plan' }).count()).toBe(0);
    await dialog.getByRole('group', { name: 'API key' }).getByLabel('Created').check();
    await dialog.getByRole('button', { name: 'Add endpoint' }).click();
    await dialog.getByRole('button', { name: 'Done' }).click();
    await own.getByText(receiver.url).first().waitFor();
    await expectAccessible(own);
    await look(own, 'customer');
    await context.close();
  });
});
