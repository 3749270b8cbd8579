import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { testApp } from '../../packages/server/test/harness.ts';
import { payOnPage } from '../../packages/server/test/visitor.ts';
import { expectAccessible } from './accessible.ts';
import { chromiumPath, openBrowser, openOperator } from './chromium.ts';

vi.setConfig({ testTimeout: 240_000, hookTimeout: 120_000 });

/** An operator gives a customer credit; the customer sees it, and what was taken back. */
describe.skipIf(chromiumPath === null)('credit on the pages', async () => {
  const farebox = await testApp();
  let browser: Browser;
  let page: Page;
  let customer_id: string;
  let link: () => Promise<string>;

  beforeAll(async () => {
    const visitor = await farebox.signUp('grace@example.com');
    const checkout = await visitor.post('/v1/checkout_sessions', { plan_id: 'starter' });
    await payOnPage(checkout.url);
    customer_id = (await visitor.get(`/v1/checkout_sessions/${checkout.id}`)).subscription.customer_id;
    link = async () => (await farebox.seller.post(`/v1/customers/${customer_id}/portal_sessions`, {})).url;
    browser = await openBrowser();
    page = await openOperator(browser, farebox.url, await farebox.app.issueFirstRunToken());
  });
  afterAll(async () => await browser?.close());

  test('given with a name and an end, it stands on both pages; an amount that is none is said at its field', async () => {
    await page.goto(`${farebox.url}/admin/customers/${customer_id}`);
    const panel = page.getByRole('region', { name: 'Credit' });
    await panel.getByText('No credit yet').waitFor();
    await panel.getByRole('button', { name: 'Give credit' }).click();
    const dialog = page.getByRole('dialog', { name: 'Give credit' });
    await dialog.getByLabel('Name').fill('Launch credit');
    await dialog.getByLabel('Amount').fill('lots');
    await dialog.getByLabel('Until').fill('2030-01-01');
    await dialog.getByRole('button', { name: 'Give credit' }).click();
    await expect.poll(() => dialog.getByLabel('Amount').getAttribute('aria-invalid')).toBe('true');
    await expectAccessible(page);
    await dialog.getByLabel('Amount').fill('25');
    await dialog.getByRole('button', { name: 'Give credit' }).click();
    await panel.getByRole('list', { name: 'Grants' }).getByRole('strong').waitFor();
    await panel.getByText('Granted: Launch credit').waitFor();
    await expectAccessible(page);

    const own = await (await browser.newContext()).newPage();
    await own.goto(await link());
    const mine = own.getByRole('region', { name: 'Credit' });
    await mine.getByText('$25.00', { exact: true }).waitFor();
    await expectAccessible(own);
    expect(await mine.getByRole('button', { name: /Take back/ }).count()).toBe(0);

    // Two steps: what is lost is said first, and nothing is by closing it.
    await panel.getByRole('button', { name: 'Take back Launch credit' }).click();
    const asked = page.getByRole('dialog', { name: 'Take back Launch credit' });
    await asked.getByText('$25.00', { exact: true }).waitFor();
    await expectAccessible(page);
    await asked.getByRole('button', { name: 'Keep it' }).click();
    await asked.waitFor({ state: 'hidden' });
    expect(await panel.getByText('Taken back: Launch credit').count()).toBe(0);
    await panel.getByRole('button', { name: 'Take back Launch credit' }).click();
    await asked.getByRole('button', { name: 'Take back $25.00' }).click();
    await panel.getByText('Taken back: Launch credit').waitFor();
  });

  test('a customer buys credit on the payment page, and has it bought by itself; the operator sees both', async () => {
    const own = await (await browser.newContext({ viewport: { width: 1280, height: 900 } })).newPage();
    await own.goto(await link());
    const mine = own.getByRole('region', { name: 'Credit' });
    await mine.getByRole('button', { name: 'Top up' }).click();
    const dialog = own.getByRole('dialog', { name: 'Top up' });
    await dialog.getByLabel('Another amount').fill('1');
    await dialog.getByRole('button', { name: 'Continue to payment' }).click();
    await dialog.getByText('Buy from $5.00 to $1,000.00 at once.').waitFor();
    await expectAccessible(own);
    await dialog.getByRole('button', { name: '$50.00' }).click();
    await own.waitForURL('**/c/pay/**');
    await payOnPage(own.url());
    await own.goto(`${farebox.url}/dashboard?top_up=${await newestTopUp()}`);
    await own.getByText('$50.00 of credit is yours.').waitFor();
    await mine.getByText('Granted: Top-up').waitFor();

    const automatic = mine.getByRole('group', { name: 'Automatic top-up' });
    await automatic.getByText('Credit is bought by hand only.').waitFor();
    await automatic.getByRole('button', { name: 'Turn on' }).click();
    const form = own.getByRole('dialog', { name: 'Automatic top-up' });
    await form.getByLabel('When less than this is left').fill('20');
    await form.getByLabel('Buy').fill('50');
    await form.getByLabel('At most, in a month').fill('40');
    await form.getByRole('button', { name: 'Turn on' }).click();
    await form.getByText('What is bought at once is more than you allow in a month.').waitFor();
    await expectAccessible(own);
    await form.getByLabel('At most, in a month').fill('150');
    await form.getByRole('button', { name: 'Turn on' }).click();
    await form.waitFor({ state: 'hidden' });
    await automatic.getByText('When less than $20.00 is left, $50.00 is bought').waitFor();

    await page.goto(`${farebox.url}/admin/customers/${customer_id}`);
    const panel = page.getByRole('region', { name: 'Credit' });
    const seen = panel.getByRole('group', { name: 'Automatic top-up' });
    await seen.getByText('When less than $20.00 is left').waitFor();
    expect(await seen.getByRole('button', { name: 'Change' }).count()).toBe(0);
    await expectAccessible(page);
    await seen.getByRole('button', { name: 'Turn off' }).click();
    await seen.getByText('Credit is bought by hand only.').waitFor();
  });

  async function newestTopUp(): Promise<string> {
    return (await farebox.seller.get(`/v1/customers/${customer_id}/top_ups`)).data[0].id;
  }
});
