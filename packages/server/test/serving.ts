import { spawn } from 'node:child_process';
import { join } from 'node:path';
import type { Verification } from '@farebox/core';
import { readConfig } from '../src/config.ts';
import type { Database } from '../src/db/database.ts';
import { systemClock } from '../src/lib/clock.ts';
import { createTestKeys } from './keys.ts';
import { cleanEnvironment, end } from './program.ts';

/** `farebox serve` as a process of its own. */
export interface Serving {
  url: string;
  pid: number;
  /** Of its workers, as it says them; none where it is one process. */
  pids(): number[];
  /** Everything it printed so far. */
  output(): string;
  /** Ends it by this signal; answers its exit code. */
  end(signal: NodeJS.Signals): Promise<number | null>;
}

const startTimeoutMs = 120_000;
const root = join(import.meta.dirname, '../../..');

/** What every process that serves is told. It never speaks to Stripe or a mail server unless a job does. */
export function servingEnvironment(database_url: string, more: Record<string, string> = {}): Record<string, string> {
  return {
    DATABASE_URL: database_url,
    FAREBOX_SECRET: 'a secret of the tests, long enough',
    FAREBOX_URL: 'http://localhost:4000',
    STRIPE_SECRET_KEY: 'sk_test_farebox',
    STRIPE_WEBHOOK_SECRET: 'whsec_never_used_here',
    SMTP_URL: 'smtp://127.0.0.1:9',
    HOST: '127.0.0.1',
    ...more,
  };
}

/** Starts it and waits until it says that it serves. Rejects with what it printed when it ends before that. */
export async function startServing(options: {
  port: number;
  args?: readonly string[];
  environment: Record<string, string>;
}): Promise<Serving> {
  const args = ['--conditions=farebox', 'packages/server/src/main.ts', 'serve', ...(options.args ?? [])];
  const child = spawn(process.execPath, args, {
    cwd: root,
    env: { ...cleanEnvironment(), ...options.environment, PORT: String(options.port) },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let printed = '';
  const serves = new Promise<void>((resolve, reject) => {
    const read = (chunk: Buffer) => {
      printed += chunk.toString();
      if (printed.includes('"msg":"serving"')) resolve();
    };
    child.stdout.on('data', read);
    child.stderr.on('data', read);
    child.once('exit', (code) => reject(new Error(`the program ended with ${code} before it served:\n${printed}`)));
    setTimeout(() => reject(new Error(`not up after ${startTimeoutMs} ms:\n${printed}`)), startTimeoutMs).unref();
  });
  try {
    await serves;
  } catch (error) {
    child.kill('SIGKILL');
    throw error;
  }
  return {
    url: `http://127.0.0.1:${options.port}`,
    pid: child.pid ?? 0,
    pids: () => JSON.parse(/"pids":(\[[\d,]*\])(?![^]*"pids":)/.exec(printed)?.[1] ?? '[]') as number[],
    output: () => printed,
    end: (signal) => end(child, signal),
  };
}

/** The seller beside such processes: makes keys in their database, and asks one of them about a key. */
export async function sellerBeside(db: Database, environment: Record<string, string>) {
  const peppers = readConfig('serve', environment).secrets.key_peppers;
  const { keys } = createTestKeys({ db, clock: systemClock, peppers });
  const { secret: secret_key } = await keys.createSecretKey('Tests');
  const headers = { authorization: `Bearer ${secret_key}`, 'content-type': 'application/json' };
  return {
    keys,
    secret_key,
    headers,
    async verify(url: string, key: string, more: Record<string, unknown> = {}): Promise<Verification> {
      const response = await fetch(`${url}/v1/keys/verify`, {
        method: 'POST',
        headers,
        body: JSON.stringify({ key, ...more }),
      });
      if (!response.ok) throw new Error(`The gate answered ${response.status}: ${await response.text()}`);
      return (await response.json()) as Verification;
    },
  };
}
