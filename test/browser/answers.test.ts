import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { testApp } from '../../packages/server/test/harness.ts';
import { smallList } from '../../packages/server/test/small-list.ts';
import { expectAccessible } from './accessible.ts';
import { chromiumPath, openBrowser, openOperator } from './chromium.ts';

vi.setConfig({ testTimeout: 240_000, hookTimeout: 120_000 });

describe.skipIf(chromiumPath === null)('answers of the API on their page', async () => {
  const farebox = await testApp({ list: smallList(5) });
  let browser: Browser;
  beforeAll(async () => {
    browser = await openBrowser();
  });
  afterAll(async () => await browser?.close());

  test('none, then by endpoint and status over the time that is chosen, with the keyboard and on a phone; and a fault with a way out', async () => {
    const visitor = await farebox.signUp('grace@example.com');
    const { customer } = await visitor.get('/v1/me');
    const page = await openOperator(browser, farebox.url, await farebox.app.issueFirstRunToken());
    await page.getByRole('link', { name: 'Answers' }).click();
    const panel = page.getByRole('region', { name: 'Answers of your API' });
    await panel.getByText('They are counted where requests come through the reverse proxy').waitFor();
    await expectAccessible(page);

    const hour = Math.floor(farebox.sandbox.clock.now() / 3_600_000) * 3_600_000;
    // Endpoint, status, so many, the bound of their latency (0: over all of them), their average, and how many hours ago.
    const rows = [
      ['GET /v1/forecast/{city}', 200, 1200, 5, 4, 0],
      ['GET /v1/forecast/{city}', 503, 1, 0, 40_000, 0],
      ['', 404, 1, 2, 1, 0],
      ['POST /v1/maps', 200, 1, 2000, 1250, 72],
    ] as const;
    for (const [endpoint, status, answers, bound, average, ago] of rows)
      await farebox.db.pool.query('insert into answer_hour values ($1, $2, $3, $4, $5, $6, $7)', [
        new Date(hour - ago * 3_600_000),
        customer.id,
        endpoint,
        status,
        bound,
        answers,
        answers * average,
      ]);
    await page.reload();
    await panel.getByText('1,202 answers, 1 of them a failure of the API.').waitFor();
    const row = (name: RegExp) => panel.getByRole('row', { name });
    expect(await row(/forecast.*200/).innerText()).toMatch(/1,200\s+4\sms\s+≤\s5\sms/);
    expect(await row(/forecast.*503/).innerText()).toMatch(/>\s30\ss/);
    await row(/Not in your document.*404/).waitFor();
    expect(await row(/maps/).count()).toBe(0);
    await expectAccessible(page);

    await panel.getByRole('radio', { name: 'Day', exact: true }).focus();
    await page.keyboard.press('ArrowRight');
    await row(/maps/).waitFor();
    await page.setViewportSize({ width: 390, height: 844 });
    await row(/maps.*≤\s2\ss/).waitFor();
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(390);
    await expectAccessible(page);

    await page.route('**/v1/answers*', (route) => route.fulfill({ status: 503, json: {} }));
    await page.reload();
    await panel.getByRole('button', { name: /again/i }).waitFor({ timeout: 60_000 });
    await page.unroute('**/v1/answers*');
    await panel.getByRole('button', { name: /again/i }).click();
    await row(/forecast.*200/).waitFor();
  });
});
