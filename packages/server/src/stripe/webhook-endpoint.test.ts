import { existsSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { createSandbox } from '@farebox/sandbox';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { makeFolder, removeFolder } from '../../test/folder.ts';
import { createStripe } from './client.ts';
import { thinMeterTypes } from './event-types.ts';
import { ensureEventDestination, ensureWebhookEndpoint } from './webhook-endpoint.ts';

const folder = makeFolder('destinations', 'open');
const sandbox = await createSandbox({ seed: 'destinations' });
const server = await sandbox.listen({ host: '127.0.0.1', port: 0 });
const stripe = createStripe({ secret_key: 'sk_test_farebox', address: { host: '127.0.0.1', port: server.port } });
const url = 'http://127.0.0.1:1/v1/stripe/webhooks';

beforeAll(() => expect(existsSync(folder)).toBe(true));
afterAll(async () => {
  await server.close();
  await sandbox.close();
  removeFolder(folder);
});

const kinds = {
  'a webhook endpoint': {
    ensure: ensureWebhookEndpoint,
    list: async () => (await stripe.webhookEndpoints.list()).data.map((each) => ({ id: each.id, url: each.url })),
  },
  'an event destination': {
    ensure: ensureEventDestination,
    list: async () => {
      const { data } = await stripe.v2.core.eventDestinations.list({ include: ['webhook_endpoint.url'] });
      return data.map(({ id, webhook_endpoint }) => ({ id, url: webhook_endpoint?.url }));
    },
  },
};

test.each(Object.entries(kinds))(
  '%s is made once, moved with us, and made anew where its secret is lost',
  async (name, kind) => {
    const secret_file = join(folder, name.replaceAll(' ', '-'));
    const secret = await kind.ensure({ stripe, url, secret_file });
    expect(secret).toMatch(/^whsec_/);
    expect(statSync(secret_file).mode & 0o777).toBe(0o600);
    expect(await kind.ensure({ stripe, url, secret_file })).toBe(secret);
    const [first, ...more] = await kind.list();
    expect(more).toEqual([]);
    const moved = `${url}/elsewhere`;
    expect(await kind.ensure({ stripe, url: moved, secret_file })).toBe(secret);
    expect(await kind.list()).toEqual([{ id: first?.id, url: moved }]);
    rmSync(secret_file);
    expect(await kind.ensure({ stripe, url: moved, secret_file })).not.toBe(secret);
    expect(await kind.list()).toHaveLength(1);
  },
);

test('an event destination hears of what meters did not count, and of nothing else', async () => {
  const [destination] = (await stripe.v2.core.eventDestinations.list()).data;
  expect(destination).toMatchObject({ event_payload: 'thin', enabled_events: [...thinMeterTypes] });
});
