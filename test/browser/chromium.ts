import { existsSync } from 'node:fs';
import { type Browser, type Page, chromium } from 'playwright-core';

const places = [
  process.env['CHROMIUM_PATH'] ?? '',
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
];

/** Where this machine's Chromium is; null when it has none. In CI that is a fault. */
export const chromiumPath = places.find((place) => place !== '' && existsSync(place)) ?? null;

if (chromiumPath === null && process.env['CI'] === 'true') throw new Error('CI needs Chromium.');
if (chromiumPath === null)
  process.stdout.write('skipped: the journeys in a browser (no Chromium on this machine; set CHROMIUM_PATH)\n');

/** A browser that stays on this machine: nothing it could load lies elsewhere. */
export async function openBrowser(): Promise<Browser> {
  return await chromium.launch({
    executablePath: chromiumPath ?? '',
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
}

/** The dashboard of a customer who signed up before, as the visitors of tests do. */
export async function openCustomer(browser: Browser, url: string, email: string): Promise<Page> {
  const page = await (await browser.newContext({ viewport: { width: 1280, height: 900 } })).newPage();
  await page.goto(`${url}/sign-in`);
  await page.getByLabel('Email').fill(email);
  await page.getByRole('textbox', { name: 'Password' }).fill('a long enough password');
  await page.getByRole('button', { name: /sign in/i }).click();
  await page.waitForURL('**/dashboard');
  return page;
}

/** A page of a new operator, who has just entered the one-time token. */
export async function openOperator(browser: Browser, url: string, token: string | null): Promise<Page> {
  const page = await (await browser.newContext({ viewport: { width: 1280, height: 900 } })).newPage();
  await page.goto(`${url}/admin/welcome#${token ?? ''}`);
  await page.getByLabel('Name').fill('Olga');
  await page.getByLabel('Email').fill('olga@example.com');
  await page.getByRole('textbox', { name: 'Password' }).fill('another long password');
  await page.getByRole('button', { name: /create|set up|continue/i }).click();
  await page.waitForURL('**/admin');
  return page;
}
