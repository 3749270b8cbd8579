import type { Coupon } from '@farebox/core';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { dayMs, testApp } from '../../packages/server/test/harness.ts';
import { smallList } from '../../packages/server/test/small-list.ts';
import { expectAccessible } from './accessible.ts';
import { chromiumPath, openBrowser, openOperator } from './chromium.ts';

vi.setConfig({ testTimeout: 240_000 });

const launch: Coupon = {
  id: 'launch',
  name: 'Launch offer',
  percent_off_decimal: '20',
  amounts_off: null,
  duration: 'once',
  months: null,
  plans: [],
  max_redemptions: null,
  redeem_until_on: null,
  codes: [{ code: 'LAUNCH20', max_redemptions: null, expires_on: null, first_purchase: false }],
};

/** Money on screen: what will be billed, why, what happens when a card fails, and what an operator does about it. */
describe.skipIf(chromiumPath === null)('money in the dashboard and in the operator’s pages', async () => {
  const farebox = await testApp({ list: { ...smallList(5), coupons: [launch] } });
  const email = 'grace@example.com';
  let browser: Browser;
  let context: BrowserContext;
  let page: Page;

  beforeAll(async () => {
    await farebox.signUp(email);
    browser = await openBrowser();
    context = await browser.newContext({ viewport: { width: 1280, height: 900 } });
    page = await context.newPage();
    await page.goto(`${farebox.url}/sign-in`);
    await page.getByLabel('Email').fill(email);
    await page.getByRole('textbox', { name: 'Password' }).fill('a long enough password');
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.waitForURL('**/dashboard');
  }, 120_000);
  afterAll(async () => await browser?.close());

  /** Readable for everybody and no wider than the screen, on a desk by day and on a phone by night. */
  async function expectFit(on = page): Promise<void> {
    for (const [width, colorScheme] of [
      [390, 'dark'],
      [1280, 'light'],
    ] as const) {
      await on.setViewportSize({ width, height: 900 });
      await on.emulateMedia({ colorScheme });
      await expectAccessible(on);
      expect(await on.evaluate('document.documentElement.scrollWidth - document.documentElement.clientWidth')).toBe(0);
    }
  }

  async function customer(): Promise<{ id: string; stripe: string }> {
    const { data } = await farebox.seller.get(`/v1/customers?query=${email}`);
    return { id: data[0].id, stripe: data[0].stripe_customer_id };
  }

  async function useCard(number: string): Promise<void> {
    const card = { number, exp_month: 12, exp_year: 2034, cvc: '123' };
    const { id } = await farebox.stripe.paymentMethods.create({ type: 'card', card });
    const owner = await customer();
    await farebox.stripe.paymentMethods.attach(id, { customer: owner.stripe });
    await farebox.seller.post(`/v1/payment_methods/${id}/default?customer_id=${owner.id}`);
  }

  const invoices = () => page.getByRole('region', { name: 'Invoices' });

  test('a code typed before the checkout counts from the first payment', async () => {
    await page.getByLabel('Promotion code').fill('LAUNCH20');
    await page.getByRole('button', { name: 'Choose Pro' }).click();
    await page.getByLabel('Card number').fill('4242424242424242');
    await page.getByLabel('Expiry').fill('12 / 34');
    await page.getByLabel('CVC').fill('123');
    await page.getByRole('button', { name: /^(Pay|Subscribe)/ }).click();
    await page.waitForURL('**/dashboard');
    await invoices().getByText('$399.20').waitFor();
  });

  test('the next invoice grows with usage, each amount with its formula', async () => {
    await page.getByRole('button', { name: 'Reveal key' }).click();
    const secret = ((await page.getByRole('group', { name: 'Secret key' }).textContent()) ?? '').trim();
    for (let call = 0; call < 8; call += 1) await farebox.verify(secret);
    await page.reload();
    const next = page.getByRole('region', { name: 'Next invoice' });
    await next.getByText('2 × $0.25 = $0.50').waitFor();
    await next.getByText('$499.60').waitFor();
    await expectFit();
  });

  test('a card that fails: what happens when is told; paying fails with its reason, asks the bank, and then is done', async () => {
    await useCard('4000000000000341');
    await farebox.sandbox.clock.advance(31 * dayMs + 7_200_000);
    await farebox.app.settle();
    await page.reload();
    const course = page.getByRole('list', { name: 'What happens while nothing is paid' });
    await course.getByText('No request passes.').waitFor();
    expect(await course.locator('[aria-current=step]').textContent()).toContain('Everything works');
    await expectFit();

    const pay = invoices().getByRole('button', { name: 'Pay now' });
    await pay.click();
    await page.getByText('The payment did not go through.').waitFor();
    await page
      .getByText(/declined/i)
      .first()
      .waitFor();
    await useCard('4242424242424242');
    await pay.click();
    await page.getByText('Paid. Everything works again.').waitFor();
    await course.waitFor({ state: 'detached' });
  });

  test('a line of the paid invoice says how it comes about, down to the keys', async () => {
    await invoices()
      .getByRole('button', { name: /^Lines of/ })
      .first()
      .click();
    await invoices()
      .getByRole('button', { name: /^How it comes about: .*beyond/ })
      .first()
      .click();
    await invoices().getByText('8 requests: 5 included, 2 × $0.25 = $0.50, 1 × $0.10 = $0.10').waitFor();
    await invoices().getByRole('list', { name: 'By key' }).getByText('8', { exact: true }).waitFor();
    await expectFit();
  });

  test('an operator refunds a part after it was said what will happen, and compares everything with Stripe', async () => {
    const op = await openOperator(browser, farebox.url, await farebox.app.issueFirstRunToken());
    await op.goto(`${farebox.url}/admin/customers/${(await customer()).id}`);
    const theirs = op.getByRole('region', { name: 'Invoices' });
    await theirs
      .getByRole('button', { name: /^Lines of/ })
      .first()
      .click();
    await theirs.getByRole('button', { name: 'Refund' }).click();
    const dialog = op.getByRole('dialog');
    await dialog.getByLabel('Amount').fill('1000');
    await dialog.getByRole('button', { name: 'Continue' }).click();
    await dialog.getByText(/Write an amount up to/).waitFor();
    await dialog.getByLabel('Amount').fill('9');
    await dialog.getByLabel('Reason').selectOption('order_change');
    await dialog.getByRole('button', { name: 'Continue' }).click();
    await dialog.getByText('$9.00 goes back to the card it was paid with.').waitFor();
    await expectAccessible(op);
    await dialog.getByRole('button', { name: 'Refund it' }).click();
    await dialog.waitFor({ state: 'detached' });
    await theirs.getByText('Given back').waitFor();
    await expectFit(op);

    const { kysely } = farebox.db;
    await kysely.updateTable('subscription').set({ status: 'past_due' }).execute();
    await op.goto(`${farebox.url}/admin/reconciliation`);
    await op.getByText('No run yet').waitFor();
    await op.getByRole('button', { name: 'Run now' }).click();
    await op
      .getByText(/objects of Stripe compared: 1 put right\./)
      .first()
      .waitFor();
    await op.getByRole('list', { name: 'What differed' }).getByText('Stale status').waitFor();
    await expectFit(op);
  });
});
