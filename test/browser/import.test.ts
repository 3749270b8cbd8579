import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import list from '../../packages/server/test/fixtures/import.config.ts';
import { fillForeignAccount } from '../../packages/server/test/foreign-account.ts';
import { testApp } from '../../packages/server/test/harness.ts';
import { expectAccessible } from './accessible.ts';
import { chromiumPath, openBrowser, openOperator } from './chromium.ts';

vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 });

/** An operator takes over what the Stripe account had before Farebox came. */
describe.skipIf(chromiumPath === null)('taking over a Stripe account', async () => {
  const farebox = await testApp({ list });
  let browser: Browser;
  let page: Page;
  let account: Awaited<ReturnType<typeof fillForeignAccount>>;

  beforeAll(async () => {
    account = await fillForeignAccount(farebox.stripe);
    browser = await openBrowser();
    page = await openOperator(browser, farebox.url, await farebox.app.issueFirstRunToken());
  });
  afterAll(async () => await browser?.close());

  test('products come as code to paste; a dry run changes nothing; a price is told its plan; then all are taken over', async () => {
    await page.goto(`${farebox.url}/admin/reconciliation`);
    await page.getByRole('link', { name: 'Take them over' }).click();
    const products = page.getByRole('region', { name: 'Products as plans' });
    await products.getByRole('button', { name: 'Look at Stripe' }).click();
    await products.getByText("team: { name: 'Team'").waitFor();

    const before = await farebox.db.kysely.selectFrom('customer').select('id').execute();
    const panel = page.getByRole('region', { name: 'Take over from Stripe' });
    await panel.getByRole('button', { name: 'Dry run' }).click();
    await panel.getByText('Dry run', { exact: true }).nth(1).waitFor();
    await panel.getByText('Done').waitFor();
    await panel.getByText(/^Why \d+ were skipped$/).click();
    await panel.getByRole('list', { name: 'What was skipped' }).getByRole('listitem').first().waitFor();
    await expectAccessible(page);
    expect(await farebox.db.kysely.selectFrom('customer').select('id').execute()).toEqual(before);

    await panel.getByLabel('A price or product of Stripe').fill(account.prices.old);
    await panel.getByLabel('is the plan').selectOption('pro');
    await panel.getByRole('button', { name: 'Add' }).click();
    await panel.getByRole('list', { name: 'Chosen' }).getByRole('code').waitFor();
    await panel.getByRole('button', { name: 'Take over' }).click();
    const dialog = page.getByRole('dialog', { name: 'Take over from Stripe' });
    await expectAccessible(page);
    await dialog.getByRole('button', { name: 'Take over' }).click();
    await panel.getByText('Taken over').waitFor();
    await panel.getByText('Done').nth(1).waitFor();
    const after = await farebox.db.kysely.selectFrom('customer').select('id').execute();
    expect(after.length).toBeGreaterThan(before.length);
  });
});
