import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { PriceList } from '@farebox/core';
import type { Config } from '../config.ts';
import { invariant } from '../lib/invariant.ts';
import type { Running } from './boot.ts';

/** What the first start made for the tour. Kept in the data folder, readable by its owner only. */
export interface Tour {
  /** The example API's credential towards Farebox. */
  secret_key: string;
  /** A customer's key that works; null without a local Stripe to buy from. */
  api_key: string | null;
}

/**
 * A customer for the tour, made the way every customer is made: it opens a checkout, pays on the hosted page with the test
 * card, and reveals its first key. Found again at the next start.
 */
export async function prepareTour(options: { farebox: Running; config: Config; buys: boolean }): Promise<Tour> {
  const { app, list } = options.farebox;
  const file = join(options.config.data_dir, 'tour.json');
  const known = existsSync(file) ? readTour(readFileSync(file, 'utf8')) : null;
  const secretKey =
    known !== null && (await app.keys.verifySecretKey(known.secret_key)) !== null
      ? known.secret_key
      : (await app.keys.createSecretKey('Example API')).secret;
  let apiKey = known?.api_key ?? null;
  if (apiKey !== null && (await app.knowsKey(apiKey)) === false) apiKey = null;
  if (apiKey === null && options.buys) apiKey = await buy(options.farebox, list);
  const tour = { secret_key: secretKey, api_key: apiKey };
  writeFileSync(file, JSON.stringify(tour), { mode: 0o600 });
  return tour;
}

async function buy({ app }: Running, list: PriceList): Promise<string> {
  const { customer } = await app.customers.upsert({
    external_id: 'farebox-tour',
    name: 'Ada (tour)',
    email: 'ada@tour.example',
  });
  const plan = list.plans[0];
  invariant(plan !== undefined, 'a price list has a plan');
  if ((await app.livePlanOf(customer.id)) === null) {
    const checkout = await app.subscribe.open(customer.id, { plan_id: plan.id });
    invariant(checkout.url !== null, 'an open checkout has an address');
    const form = new URLSearchParams({
      number: '4242424242424242',
      exp: '12 / 34',
      cvc: '123',
      name: 'Ada',
      email: customer.email,
    });
    const paid = await fetch(checkout.url, { method: 'POST', body: form, redirect: 'manual' });
    invariant(paid.status === 303, 'the test card pays');
    await app.subscribe.refresh(customer.id, checkout.id);
  }
  const first = await app.keys.revealFirst(customer.id);
  return first?.secret ?? (await app.keys.create(null, { customer_id: customer.id, name: 'Tour' })).secret;
}

function readTour(text: string): Tour | null {
  try {
    const value: Partial<Tour> = JSON.parse(text);
    return typeof value.secret_key === 'string'
      ? { secret_key: value.secret_key, api_key: value.api_key ?? null }
      : null;
  } catch {
    return null;
  }
}

/** What a newcomer needs next, in one screen. */
export function printWelcome(options: {
  config: Config;
  list: PriceList;
  first_run_token: string | null;
  tour: Tour;
  stripe_url: string | null;
}): void {
  const { config, list, first_run_token, tour, stripe_url } = options;
  const url = config.base_url;
  const lines = [
    '',
    `  ${list.seller.name} is selling its API at ${url}`,
    '',
    `    landing page   ${url}/`,
    `    dashboard      ${url}/dashboard`,
    `    admin          ${url}/admin`,
    stripe_url === null
      ? '    Stripe         your account (STRIPE_SECRET_KEY)'
      : `    local Stripe   ${stripe_url}/_sandbox   (its clock can be moved; test card 4242 4242 4242 4242)`,
    config.mail.kind === 'inbox' ? `    mail inbox     ${url}/_inbox` : '    mail           by SMTP_URL',
    '',
    first_run_token === null
      ? '  Operators sign in at /admin.'
      : `  First operator (this link works once): ${url}/admin/welcome#${first_run_token}`,
    '',
  ];
  if (tour.api_key !== null) lines.push(...curlTour(list.seller.api_url, url, tour.api_key));
  lines.push('  Stop with Ctrl-C; the next start finds everything as it was.', '');
  console.log(lines.join('\n'));
}

function curlTour(apiUrl: string, url: string, key: string): string[] {
  return [
    '  A tour in four lines (a customer who paid for the first plan):',
    '',
    `    KEY=${key}`,
    `    curl -i -H "Authorization: Bearer $KEY" "${apiUrl}/v1/forecast?city=Oslo"`,
    `    curl -s -o /dev/null -w '%{http_code}\\n' -H "Authorization: Bearer $KEY" "${apiUrl}/v1/forecast?city=Oslo&try=[1-12]"`,
    `    curl -i -H "Authorization: Bearer $KEY" "${url}/v1/gate/forward-auth"`,
    '',
  ];
}
