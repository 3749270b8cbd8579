import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { createSandbox, type Sandbox } from '@farebox/sandbox';
import { type Config, type Secrets, readConfig, readEnvironment } from '../config.ts';
import { acquireFolder } from '../db/folder-lock.ts';
import { systemClock } from '../lib/clock.ts';
import { createLog } from '../lib/log.ts';
import { createStripe } from '../stripe/client.ts';
import { ensureEventDestination, ensureWebhookEndpoint } from '../stripe/webhook-endpoint.ts';
import { type Running, boot } from './boot.ts';
import { startExample } from './example.ts';
import { claimPorts } from './listen.ts';
import { untilStopped } from './stop.ts';
import { prepareTour, printWelcome } from './tour.ts';

/**
 * `npm start`: the whole product on one machine. Whatever the environment does not name is brought along: the database, a
 * local Stripe whose clock can be moved, a mail inbox, and the example seller's API.
 */
export async function dev(): Promise<number> {
  const environment = readEnvironment();
  const { config, secrets } = readConfig('dev', environment);
  const say = progress(systemClock.now());
  mkdirSync(config.data_dir, { recursive: true });
  const lock = await acquireFolder(config.data_dir, { url: config.base_url });
  const steps: (() => Promise<void>)[] = [];
  try {
    await claimPorts(config.host, portsOf(config));
    const local = await startLocalStripe(config, secrets, say);
    if (local !== null) steps.unshift(() => local.stop());
    const farebox = await boot({
      config,
      secrets: local?.secrets ?? secrets,
      log: createLog(config.log_level),
      clock: local === null ? systemClock : { now: () => local.sandbox.clock.now() },
      stripe: local === null ? null : { host: 'localhost', port: local.port },
      onProgress: say,
      adjustList: (list) => ({ ...list, seller: { ...list.seller, api_url: exampleUrl(config) } }),
    });
    steps.unshift(() => farebox.stop());
    local?.attach(farebox);
    await farebox.app.settle();
    const tour = await prepareTour({ farebox, config, buys: local !== null });
    const example = await startExample({
      port: config.port + 10,
      farebox_url: config.base_url,
      secret_key: tour.secret_key,
    });
    steps.unshift(() => example.close());
    printWelcome({
      config,
      list: farebox.list,
      first_run_token: farebox.first_run_token,
      tour,
      stripe_url: local?.url ?? null,
    });
    return await untilStopped([...steps, () => lock.release()], {
      started_by_npm: environment['npm_lifecycle_event'] !== undefined,
    });
  } catch (error) {
    for (const step of steps) await step();
    await lock.release();
    throw error;
  }
}

function portsOf(config: Config): { port: number; what: string }[] {
  const ports = [
    { port: config.port, what: 'Farebox' },
    { port: config.port + 10, what: "the example seller's API" },
  ];
  if (config.proxy !== null) ports.push({ port: config.proxy.port, what: 'the proxy before your API' });
  if (config.stripe.kind === 'sandbox') ports.push({ port: config.stripe.port, what: 'the local Stripe' });
  return ports;
}

function exampleUrl(config: Config): string {
  return `http://localhost:${config.port + 10}`;
}

interface LocalStripe {
  sandbox: Sandbox;
  port: number;
  url: string;
  secrets: Secrets;
  /** From now on the clock waits at each piece of due work until Farebox has done its part. */
  attach(farebox: Running): void;
  stop(): Promise<void>;
}

/** The local Stripe keeps its state beside the database, so that both are found as they were. */
async function startLocalStripe(
  config: Config,
  secrets: Secrets,
  say: (line: string) => void,
): Promise<LocalStripe | null> {
  if (config.stripe.kind !== 'sandbox') return null;
  say('starting the local Stripe');
  let settle: () => Promise<void> = () => Promise.resolve();
  const sandbox = await createSandbox({
    file: join(config.data_dir, 'stripe.journal'),
    account_name: 'Skycast',
    beforeDue: () => settle(),
  });
  const server = await sandbox.listen({
    host: config.host,
    port: config.stripe.port,
    public_url: `http://localhost:${config.stripe.port}`,
  });
  const stripe = createStripe({
    secret_key: secrets.stripe_secret_key,
    address: { host: '127.0.0.1', port: server.port },
  });
  const url = `http://127.0.0.1:${config.port}/v1/stripe/webhooks`;
  const secretFile = (name: string) => join(config.data_dir, name);
  const stripe_webhook_secrets = [
    await ensureWebhookEndpoint({ stripe, url, secret_file: secretFile('stripe-webhook-secret') }),
    await ensureEventDestination({ stripe, url, secret_file: secretFile('stripe-thin-events-secret') }),
  ];
  return {
    sandbox,
    port: server.port,
    url: `http://localhost:${server.port}`,
    secrets: { ...secrets, stripe_webhook_secrets },
    attach(farebox) {
      settle = () => farebox.app.settle();
      farebox.app.attachClock({ advance: async (ms) => void (await sandbox.clock.advance(ms)) });
    },
    async stop() {
      await server.close();
      await sandbox.close();
    },
  };
}

/** One line per step, with the seconds since the start. */
function progress(started: number): (line: string) => void {
  return (line) => console.log(`  ${((systemClock.now() - started) / 1000).toFixed(1).padStart(5)} s  ${line}`);
}
