import { readFileSync } from 'node:fs';
import type { PriceList } from '@farebox/core';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { buyerOf } from '../../packages/server/test/buyer.ts';
import { dayMs, testApp } from '../../packages/server/test/harness.ts';
import { smallList } from '../../packages/server/test/small-list.ts';
import { expectAccessible } from './accessible.ts';
import { chromiumPath, openBrowser, openCustomer, openOperator } from './chromium.ts';

vi.setConfig({ testTimeout: 240_000, hookTimeout: 120_000 });

const small = smallList(1000);
const list: PriceList = {
  ...small,
  meters: [
    ...small.meters,
    {
      id: 'render',
      name: 'Render time',
      unit: 'second',
      aggregation: 'sum',
      events: ['render'],
      value: 'seconds',
      group_by: ['region'],
    },
    {
      id: 'slow',
      name: 'Slow renders',
      unit: 'render',
      aggregation: 'count',
      events: ['render'],
      filters: { slow: ['yes'] },
    },
  ],
};

describe.skipIf(chromiumPath === null)('usage over time on its pages', async () => {
  const farebox = await testApp({ list });
  const { seller, sandbox } = farebox;
  let browser: Browser;
  beforeAll(async () => {
    browser = await openBrowser();
  });
  afterAll(async () => await browser?.close());

  const email = 'ada@example.com';
  const customer_id = await use();

  async function use(): Promise<string> {
    const customer = (await buyerOf(farebox, 'starter', email)).customer_id;
    const now = sandbox.clock.now();
    const at = (days: number) => new Date(now - days * dayMs).toISOString();
    const events = [
      ...[1, 2, 3, 5, 8].map((days, index) => ({
        id: `r${days}`,
        type: 'render',
        occurred_at: at(days),
        properties: { seconds: 10 * (index + 1), region: index % 2 === 0 ? 'eu' : 'us' },
      })),
      { id: 'calls', type: 'requests', quantity: 1234, occurred_at: at(1) },
      { id: 'old', type: 'render', occurred_at: at(90), properties: { seconds: 1 } },
      { id: 'unknown', type: 'dance' },
    ];
    await seller.post(
      '/v1/usage/events',
      events.map((event) => ({ ...event, customer_id: customer })),
    );
    await seller.request('PATCH', `/v1/customers/${customer}`, { time_zone: 'America/New_York' });
    return customer;
  }

  async function lookAt(page: Page): Promise<void> {
    const panel = page.getByRole('region', { name: 'Usage over time', exact: true });
    await panel.getByText('1,234 requests in all, America/New_York').waitFor();
    await panel.getByRole('table', { name: 'API requests by day' }).waitFor();
    await panel.getByLabel('Meter').selectOption('render');
    await panel.getByText('150 seconds in all').waitFor();
    await panel.getByLabel('Told apart by').selectOption('region');
    const groups = panel.getByRole('table', { name: 'Render time, told apart' });
    await expect
      .poll(async () => await groups.getByRole('row').allInnerTexts(), { timeout: 30_000 })
      .toEqual([
        expect.stringMatching(/Of\s+seconds\s+Share/i),
        expect.stringMatching(/eu\s+90\s+60 %/),
        expect.stringMatching(/us\s+60\s+40 %/),
      ]);
    await panel.getByText('Months').click();
    await expect.poll(async () => await groups.getByRole('row').count(), { timeout: 30_000 }).toBe(3);
    await expectAccessible(page);
  }

  async function exported(page: Page, choice: string): Promise<string> {
    await page.getByRole('button', { name: 'Export' }).focus();
    await page.keyboard.press('Enter');
    const item = page.getByRole('menuitem', { name: choice });
    await item.waitFor();
    const [download] = await Promise.all([page.waitForEvent('download'), item.click()]);
    return readFileSync(await download.path(), 'utf8');
  }

  test('a customer sees it by meter and dimension, in its own time zone, as a picture, a table and a file', async () => {
    const page = await openCustomer(browser, farebox.url, email);
    await page.getByRole('link', { name: 'Usage' }).first().click();
    await page.waitForURL('**/dashboard/usage');
    await lookAt(page);
    const csv = await exported(page, 'Every event, CSV');
    expect(csv.split('\n')[0]).toContain('id');
    expect(csv).toContain('calls');
    const lines = (await exported(page, 'By the hour, NDJSON')).trim().split('\n');
    expect(lines.map((line) => JSON.parse(line).customer_id)).toEqual(lines.map(() => customer_id));
    await page.context().close();
  });

  test('the events behind it say which meter counted them and why another did not; what was not taken says why', async () => {
    const page = await openCustomer(browser, farebox.url, email);
    await page.goto(`${farebox.url}/dashboard/usage`);
    const events = page.getByRole('region', { name: 'Usage events', exact: true });
    await events
      .getByText(/slow did not count it/)
      .first()
      .waitFor();
    await events.getByText('Not counted', { exact: true }).click();
    await events.getByText('Every event was counted').waitFor();
    const rejected = page.getByRole('region', { name: 'Events not taken', exact: true });
    await rejected.getByText('too old').waitFor();
    await rejected.getByText(/no meter counts "dance"/).waitFor();
    await page.context().close();
  });

  test('at which parts of what is included a customer is told is set by itself, with what is no such part refused', async () => {
    const page = await openCustomer(browser, farebox.url, email);
    const panel = page.getByRole('region', { name: 'Usage alerts', exact: true });
    await panel.getByText('At 80%, and when all is used, as the plan says.').waitFor();
    const parts = panel.getByLabel('Tell at, in percent');
    await parts.fill('50, 150');
    await parts.press('Enter');
    await panel.getByText('Write whole numbers from 1 to 99').waitFor();
    await parts.fill('90, 50');
    await parts.press('Enter');
    await panel.getByText('At 50% and 90%, and when all is used.').waitFor();
    await expectAccessible(page);
    await panel.getByRole('button', { name: 'As the plan says' }).click();
    await panel.getByText('as the plan says.').waitFor();
    await page.context().close();
  });

  test('operators see the same of a customer; who has used nothing is told so; what cannot be read can be tried again', async () => {
    const page = await openOperator(browser, farebox.url, await farebox.app.issueFirstRunToken());
    await page.goto(`${farebox.url}/admin/customers/${customer_id}`);
    await lookAt(page);
    const other = (await buyerOf(farebox)).customer_id;
    await page.route('**/v1/usage?**', (route) => route.abort());
    await page.goto(`${farebox.url}/admin/customers/${other}`);
    const panel = page.getByRole('region', { name: 'Usage over time', exact: true });
    await panel.getByRole('button', { name: /again/i }).waitFor({ timeout: 60_000 });
    await page.unroute('**/v1/usage?**');
    await panel.getByRole('button', { name: /again/i }).click();
    await panel.getByText('No usage in this time').waitFor();
    await page.context().close();
  });

  test('on a phone in the dark nothing is wider than the screen', async () => {
    const context = await browser.newContext({ viewport: { width: 390, height: 844 }, colorScheme: 'dark' });
    const page = await context.newPage();
    await page.goto(`${farebox.url}/sign-in`);
    await page.getByLabel('Email').fill(email);
    await page.getByRole('textbox', { name: 'Password' }).fill('a long enough password');
    await page.getByRole('button', { name: /sign in/i }).click();
    await page.waitForURL('**/dashboard');
    await page.goto(`${farebox.url}/dashboard/usage`);
    await lookAt(page);
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(390);
    await context.close();
  });
});
