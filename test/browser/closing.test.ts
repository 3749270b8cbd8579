import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, test, vi } from 'vitest';
import { dayMs, testApp } from '../../packages/server/test/harness.ts';
import { smallList } from '../../packages/server/test/small-list.ts';
import { payOnPage } from '../../packages/server/test/visitor.ts';
import { expectAccessible } from './accessible.ts';
import { chromiumPath, openBrowser, openOperator } from './chromium.ts';

vi.setConfig({ testTimeout: 240_000, hookTimeout: 120_000 });

describe.skipIf(chromiumPath === null)('the closing report on its page', async () => {
  const farebox = await testApp({ list: smallList(5), sandbox: { frozen: true } });
  let browser: Browser;
  beforeAll(async () => {
    browser = await openBrowser();
  });
  afterAll(async () => await browser?.close());

  test('it is found on a phone; a month balances; once an event is lost its period is listed with what differs', async () => {
    const visitor = await farebox.signUp('grace@example.com');
    const checkout = await visitor.post('/v1/checkout_sessions', { plan_id: 'starter' });
    await payOnPage(checkout.url);
    const { subscription } = await visitor.get(`/v1/checkout_sessions/${checkout.id}`);
    const { customer_id, current_period_end_at } = subscription;
    for (const [id, quantity] of [
      ['a', 8],
      ['b', 4],
    ])
      await farebox.seller.post('/v1/usage/events', { id, type: 'requests', customer_id, quantity });
    await farebox.sandbox.clock.advance(31 * dayMs + 2 * 3_600_000);
    await farebox.app.settle();
    const page = await openOperator(browser, farebox.url, await farebox.app.issueFirstRunToken());
    await page.setViewportSize({ width: 390, height: 844 });
    await page.getByRole('button', { name: 'More' }).click();
    await expectAccessible(page);
    await page.getByRole('menuitem', { name: 'Closing' }).click();
    await page.setViewportSize({ width: 1280, height: 900 });
    const panel = page.getByRole('region', { name: 'Closing report' });
    const month = new Date(Date.parse(current_period_end_at) - 1).toISOString().slice(0, 7);
    await panel.getByText('No period of usage ended in this month.').waitFor();
    await panel.getByLabel('Month').fill(month);
    await panel.getByText('1 period of usage ended').waitFor();
    await panel.getByText('It balances.').waitFor();
    await expectAccessible(page);
    await farebox.db.pool.query(`delete from usage_event where customer_id = $1 and id = 'b'`, [customer_id]);
    await page.reload();
    await panel.getByLabel('Month').fill(month);
    await panel.getByText('The usage comes to 8, 12 was billed.').waitFor();
    await expectAccessible(page);
  });
});
