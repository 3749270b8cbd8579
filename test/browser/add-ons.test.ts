import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import exampleList from '../../farebox.config.ts';
import { testApp } from '../../packages/server/test/harness.ts';
import { payOnPage } from '../../packages/server/test/visitor.ts';
import { expectAccessible } from './accessible.ts';
import { chromiumPath, openBrowser, openCustomer } from './chromium.ts';

const [starter] = exampleList.plans;
if (starter === undefined) throw new Error('the example list has plans');
const block = {
  ...starter,
  id: 'block',
  name: 'Request block',
  group: null,
  prices: [{ amount_minor: 1000, currency: 'usd', interval: 'month' as const, setup_fee_minor: 0 }],
  seats: { minimum: 1, maximum: 10 },
};

vi.setConfig({ testTimeout: 240_000, hookTimeout: 120_000 });

/** A customer buys a plan with something on top, puts it of its plan, and takes it off again. */
describe.skipIf(chromiumPath === null)('an add-on on the dashboard', async () => {
  const farebox = await testApp({ list: { ...exampleList, plans: [...exampleList.plans, block] } });
  let browser: Browser;
  let page: Page;

  beforeAll(async () => {
    const email = 'grace@example.com';
    const visitor = await farebox.signUp(email);
    const checkout = await visitor.post('/v1/checkout_sessions', { plan_id: 'starter' });
    await payOnPage(checkout.url);
    await visitor.get(`/v1/checkout_sessions/${checkout.id}`);
    browser = await openBrowser();
    page = await openCustomer(browser, farebox.url, email);
  });
  afterAll(async () => await browser?.close());

  test('is chosen with the plan before the checkout, which names it', async () => {
    const email = 'alan@example.com';
    await farebox.signUp(email);
    const buyer = await openCustomer(browser, farebox.url, email);
    const card = buyer.getByRole('article', { name: 'Starter' });
    await card.getByRole('checkbox', { name: 'Request block' }).check();
    await card.getByLabel('How many Request block').fill('3');
    await expectAccessible(buyer);
    await card.getByRole('button', { name: 'Choose Starter' }).click();
    await buyer.getByText('Request block').first().waitFor();
    await buyer.getByText('$129.00').first().waitFor();
  });

  test('is no plan to choose; what it costs is told before it is added, and it is removed when the period ends', async () => {
    const landing = await browser.newPage();
    await landing.goto(farebox.url);
    expect(await landing.getByText('Request block').count()).toBe(0);
    const addOns = page.getByRole('region', { name: 'Add-ons' });
    const plan = page.getByRole('region', { name: 'Plan', exact: true });
    const dialog = page.getByRole('dialog');
    await addOns.getByLabel('How many Request block').fill('2');
    await expectAccessible(page);
    await addOns.getByRole('button', { name: 'Add Request block' }).click();
    await dialog
      .getByText(/^2 × Request block counts at once\. \$[\d.]+ is charged now, then \$119 a month in all\.$/)
      .waitFor();
    await dialog.getByText('Due now').waitFor();
    await expectAccessible(page);
    await dialog.getByRole('button', { name: 'Change now' }).click();
    await plan.getByText('2 × $10 a month').waitFor();
    await page.getByRole('region', { name: 'Invoices' }).getByText('Paid', { exact: true }).nth(1).waitFor();

    await addOns.getByRole('button', { name: 'Remove Request block' }).click();
    await dialog.getByText(/Then Request block ends, and you pay \$99 a month in all\.$/).waitFor();
    await dialog.getByRole('button', { name: 'Change at the end of the period' }).click();
    await plan.getByText(/^Changes to Starter, \$99 a month, on /).waitFor();
    await plan.getByRole('button', { name: 'Stay on this plan' }).click();
    await plan.getByText(/^Changes to Starter/).waitFor({ state: 'detached' });
  });
});
