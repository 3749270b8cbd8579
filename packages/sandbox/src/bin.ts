#!/usr/bin/env node
import { parseArgs } from 'node:util';
import { createSandbox } from './index.ts';

const HELP = `A local Stripe for development and tests.

  --port N        port to listen on (default 12111)
  --host NAME     address to bind (default 127.0.0.1)
  --public-url U  address browsers reach it at, when it is another one
  --file F        keep the state in this file
  --name NAME     the seller's name on pages and invoices
  --seed TEXT     same seed, same ids
  --help          this text`;

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      port: { type: 'string', default: '12111' },
      host: { type: 'string', default: '127.0.0.1' },
      'public-url': { type: 'string' },
      file: { type: 'string' },
      name: { type: 'string' },
      seed: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    console.log(HELP);
    return;
  }
  const port = Number(values.port);
  if (!Number.isInteger(port) || port < 0 || port > 65_535) throw new Error(`--port ${values.port} is not a port.`);
  const sandbox = await createSandbox({
    ...(values.file === undefined ? {} : { file: values.file }),
    ...(values.name === undefined ? {} : { account_name: values.name }),
    ...(values.seed === undefined ? {} : { seed: values.seed }),
  });
  try {
    const { url } = await sandbox.listen({
      port,
      host: values.host,
      ...(values['public-url'] === undefined ? {} : { public_url: values['public-url'] }),
    });
    console.log(`${url}\nControl room: ${url}/_sandbox`);
  } catch (cause) {
    await sandbox.close();
    throw cause;
  }
  const stop = (): void => {
    sandbox.close().then(
      () => process.exit(0),
      (cause: unknown) => fail(cause),
    );
  };
  process.once('SIGINT', stop);
  process.once('SIGTERM', stop);
}

function fail(cause: unknown): void {
  console.error(cause instanceof Error ? cause.message : String(cause));
  process.exitCode = 1;
}

main().catch(fail);
