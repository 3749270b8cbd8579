import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { testApp } from '../../packages/server/test/harness.ts';
import { buy, twoGroups } from '../../packages/server/test/two-groups.ts';
import { expectAccessible } from './accessible.ts';
import { chromiumPath, openBrowser, openCustomer, openOperator } from './chromium.ts';

vi.setConfig({ testTimeout: 240_000, hookTimeout: 120_000 });

/** A customer buys a plan of each group, and everybody's pages show both. */
describe.skipIf(chromiumPath === null)('plans of two groups', async () => {
  const farebox = await testApp({ list: twoGroups });
  const email = 'grace@example.com';
  let browser: Browser;
  let page: Page;

  beforeAll(async () => {
    const visitor = await farebox.signUp(email);
    await buy(visitor, 'maps');
    browser = await openBrowser();
    page = await openCustomer(browser, farebox.url, email);
  });
  afterAll(async () => await browser?.close());

  test('the price list has a section for each group, with what that group has', async () => {
    const landing = await (await browser.newContext()).newPage();
    await landing.goto(farebox.url);
    const maps = landing.getByRole('region', { name: 'Maps', exact: true });
    const mail = landing.getByRole('region', { name: 'Letters', exact: true });
    expect(await maps.getByRole('article').count()).toBe(2);
    expect(await mail.getByRole('article').count()).toBe(2);
    expect(await maps.getByText('Old maps').count()).toBe(2);
    expect(await maps.getByText('Mail templates').count()).toBe(0);
    await expectAccessible(landing);
    await landing.close();
  });

  test('who has a plan of one group is offered those of the other, and a change within its own', async () => {
    const more = page.getByRole('region', { name: 'More to subscribe to' });
    await more.getByRole('button', { name: 'Choose Mail', exact: true }).waitFor();
    expect(await more.getByRole('button', { name: /Choose Maps/ }).count()).toBe(0);
    await page.getByRole('button', { name: 'Change plan' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByText('Your plan').waitFor();
    const choices = await dialog.getByRole('listitem').locator('strong').allTextContents();
    expect(choices).toEqual(['Maps', 'Maps Pro']);
    await dialog.getByRole('button', { name: 'Close' }).click();
    await dialog.waitFor({ state: 'detached' });
    await expectAccessible(page);
  });

  test('the second is bought from the dashboard, which then shows each with its usage, terms and next invoice', async () => {
    const more = page.getByRole('region', { name: 'More to subscribe to' });
    await more.getByRole('button', { name: 'Choose Mail', exact: true }).click();
    await page.waitForURL('**/c/pay/**');
    await page.getByLabel(/card number/i).fill('4242424242424242');
    await page.getByLabel(/exp/i).fill('12 / 34');
    await page.getByLabel(/cvc/i).fill('123');
    await page.getByLabel(/name/i).first().fill('Grace Hopper');
    await page.getByRole('button', { name: /pay|subscribe/i }).click();
    await page.waitForURL('**/dashboard');
    await page.getByText('Maps and Mail, each with its own period and invoice').waitFor();
    for (const [name, price] of [
      ['Maps', '$20 a month'],
      ['Mail', '$10 a month'],
    ] as const) {
      const section = page.getByRole('region', { name, exact: true });
      await section.getByRole('region', { name: 'Plan', exact: true }).getByText(price).waitFor();
      await section.getByRole('region', { name: 'Next invoice' }).getByRole('listitem').first().waitFor();
    }
    await page.getByRole('region', { name: 'Maps', exact: true }).getByText('Map tiles this period').waitFor();
    await page.getByRole('region', { name: 'Mail', exact: true }).getByText('Mails this period').waitFor();
    await page.getByText('Maps and Mail plans').waitFor();
    expect(await page.getByRole('region', { name: 'More to subscribe to' }).count()).toBe(0);
    await expectAccessible(page);
  });

  test('the seller’s people see both, and an override says of which window it is', async () => {
    const operator = await openOperator(browser, farebox.url, await farebox.app.issueFirstRunToken());
    await operator.goto(`${farebox.url}/admin/customers`);
    await operator.getByText('Maps and Mail', { exact: true }).waitFor();
    await operator.getByRole('link', { name: 'Grace Hopper' }).click();
    const held = operator.getByRole('region', { name: 'Subscriptions', exact: true });
    await held.getByText('version 1 · mail', { exact: true }).waitFor();
    await held.getByText('version 1 · maps', { exact: true }).waitFor();
    const overrides = operator.getByRole('region', { name: 'Overrides' });
    await overrides.getByLabel('Requests per 1s, Letters').fill('9');
    await overrides.getByLabel('Reason').fill('a launch');
    await overrides.getByRole('button', { name: 'Save' }).click();
    await overrides.getByText('In force').waitFor();
    expect(await overrides.getByLabel('Requests per 1s, Letters').inputValue()).toBe('9');
    expect(await overrides.getByLabel('Requests per 1s, maps').inputValue()).toBe('');
    await expectAccessible(operator);
  });
});
