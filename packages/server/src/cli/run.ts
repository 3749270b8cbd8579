import { ConfigFaults } from '../config.ts';

const commands: Record<string, { about: string; load(): Promise<(args: string[]) => Promise<number>> }> = {
  dev: {
    about: 'everything on this machine: database, local Stripe, mail inbox, example API',
    load: async () => (await import('./dev.ts')).dev,
  },
  serve: {
    about: '[--workers N] [--role gate|api|jobs]: production, with PostgreSQL, Stripe and SMTP from the environment',
    load: async () => (await import('./serve.ts')).serve,
  },
  proxy: {
    about: '--upstream URL: the gate as a reverse proxy before your API, on the database of a running Farebox',
    load: async () => (await import('./proxy.ts')).proxy,
  },
  migrate: {
    about: 'bring the database of DATABASE_URL up to date and stop; with a plan, move its customers to another version',
    load: async () => (await import('./migrate.ts')).migrateCommand,
  },
  diff: {
    about: 'what a push of the price list would change, here, at Stripe and for whom; exit code 2 if anything',
    load: async () => (await import('./catalog.ts')).diff,
  },
  rehearse: {
    about:
      'the last period of every customer by the price list as it is now: who would pay more; exit code 2 if anybody',
    load: async () => (await import('./rehearse.ts')).rehearse,
  },
  push: {
    about:
      '[--events-secret FILE]: publish the price list and bring it to Stripe; with a file, have its meters say what they did not count',
    load: async () => (await import('./catalog.ts')).push,
  },
  pull: {
    about: 'write the published price list as a plan file',
    load: async () => (await import('./catalog.ts')).pull,
  },
  reconcile: {
    about: 'what differs between here and Stripe; --repair puts right what has one right answer',
    load: async () => (await import('./reconcile.ts')).reconcile,
  },
  close: {
    about: '--month 2026-11: whether usage, bills and invoices of a month balance, or where not; exit code 2 if not',
    load: async () => (await import('./close.ts')).close,
  },
  keys: {
    about: 'import FILE: keys of another system by their hash; progress: how many of them are in use',
    load: async () => (await import('./keys.ts')).keysCommand,
  },
  usage: {
    about: 'import FILE: usage events from CSV or NDJSON, each once, however often it is run',
    load: async () => (await import('./usage.ts')).usageCommand,
  },
  import: {
    about: 'from stripe: take over its customers and subscriptions; --dry-run says what would be made',
    load: async () => (await import('./import.ts')).importStripe,
  },
  check: {
    about: 'read the price list and the environment, report every fault, change nothing',
    load: async () => (await import('./check.ts')).check,
  },
};

/** Runs one command; answers the exit code. A refusal is a sentence, not a stack. */
export async function run(args: string[]): Promise<number> {
  const [name = '', ...rest] = args;
  if (name === '--version') {
    console.log((await import('../routes.ts')).version);
    return 0;
  }
  const asked = ['help', '--help', '-h'].includes(name);
  const command = commands[name];
  if (command === undefined) {
    const list = Object.entries(commands).map(([key, { about }]) => `  farebox ${key.padEnd(9)} ${about}`);
    const first = asked || name === '' ? 'Farebox.' : `There is no command "${name}".`;
    (asked ? console.log : console.error)([first, '', ...list].join('\n'));
    return asked ? 0 : 2;
  }
  try {
    const start = await command.load();
    return await start(rest);
  } catch (error) {
    console.error(sentenceOf(error));
    return 1;
  }
}

/** What a person can act on: faults of the price list and environment come whole, the rest with its stack. */
function sentenceOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (
    error instanceof ConfigFaults ||
    error.name === 'PlanFaults' ||
    error.name === 'Refusal' ||
    error.name === 'MigrationRefused' ||
    error.name === 'FolderHeldError'
  ) {
    return error.message;
  }
  return error.stack ?? error.message;
}
