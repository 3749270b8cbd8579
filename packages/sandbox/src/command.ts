import { parseArgs } from 'node:util';
import { stripeKey } from './config.ts';
import { packageVersion } from './package-files.ts';
import { createSandbox } from './sandbox.ts';

const HELP = `A local Stripe for development and tests.

  farebox-sandbox [options]           listens until it is stopped
  farebox-sandbox scenario FILE       runs a scenario in a sandbox of its own; also the name of one that comes along
  farebox-sandbox record FILE         runs it at Stripe too, with the test key in STRIPE_SECRET_KEY, and prints how
                                      the answers differ

  --port N        port to listen on, 0 for any free one (default 12111)
  --host NAME     address to bind (default 127.0.0.1)
  --public-url U  address browsers reach it at, when it is another one
  --file F        keep the state in this file
  --name NAME     the seller's name on pages and invoices
  --seed TEXT     same seed, same ids
  --frozen        the clock stands still until it is advanced
  --upcoming-days N  days before a renewal at which invoice.upcoming is told (default: never)
  --stripe-url U  records against this address and not https://api.stripe.com
  --json          of a scenario: what came of it as JSON
  --version       the version of this program
  --help          this text
`;

const options = {
  port: { type: 'string', default: '12111' },
  host: { type: 'string', default: '127.0.0.1' },
  'public-url': { type: 'string' },
  file: { type: 'string' },
  name: { type: 'string' },
  seed: { type: 'string' },
  frozen: { type: 'boolean', default: false },
  'upcoming-days': { type: 'string' },
  'stripe-url': { type: 'string' },
  json: { type: 'boolean', default: false },
  version: { type: 'boolean', default: false },
  help: { type: 'boolean', short: 'h', default: false },
} as const;

/** What was asked for makes no sense; said with the way to the help. */
class Misuse extends Error {}

function parsed(argv: readonly string[]) {
  try {
    return parseArgs({ args: [...argv], options, allowPositionals: true });
  } catch (cause) {
    // The texts of Node name the flag and are good; they only go on about positionals.
    if (cause instanceof TypeError) throw new Misuse(cause.message.split('. ')[0] ?? cause.message, { cause });
    throw cause;
  }
}

function portOf(text: string): number {
  const port = Number(text);
  if (/^\d+$/.test(text) && port <= 65_535) return port;
  throw new Misuse(`--port ${text} is not a port: give a number from 0 to 65535.`);
}

function daysOf(text: string): number {
  if (/^[1-9]\d?$/.test(text)) return Number(text);
  throw new Misuse(`--upcoming-days ${text} is no number of days: give one from 1 to 99.`);
}

function publicUrl(text: string): string {
  if (URL.canParse(text) && /^https?:$/.test(new URL(text).protocol)) return text;
  throw new Misuse(`--public-url ${text} is not an address: give one like http://localhost:12111.`);
}

/** Runs a sandbox on a port until the process is told to end. */
async function serve(values: ReturnType<typeof parsed>['values']): Promise<void> {
  const where = {
    port: portOf(values.port),
    host: values.host,
    ...(values['public-url'] === undefined ? {} : { public_url: publicUrl(values['public-url']) }),
  };
  const sandbox = await createSandbox({
    ...(values.file === undefined ? {} : { file: values.file }),
    ...(values.name === undefined ? {} : { account_name: values.name }),
    ...(values.seed === undefined ? {} : { seed: values.seed }),
    ...(values.frozen ? { frozen: true } : {}),
    ...(values['upcoming-days'] === undefined ? {} : { upcoming_days: daysOf(values['upcoming-days']) }),
  });
  try {
    const { url } = await sandbox.listen(where);
    process.stdout.write(`${url}\nControl room: ${url}/_sandbox\n`);
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
  process.stderr.write(`${cause instanceof Error ? cause.message : String(cause)}\n`);
  if (cause instanceof Misuse) process.stderr.write('farebox-sandbox --help lists what there is.\n');
  process.exitCode = cause instanceof Misuse ? 2 : 1;
}

async function run(argv: readonly string[]): Promise<void> {
  const { values, positionals } = parsed(argv);
  if (values.help) return void process.stdout.write(HELP);
  if (values.version) return void process.stdout.write(`${await packageVersion()}\n`);
  const [command, file, surplus] = positionals;
  if (command === undefined) return await serve(values);
  if (command !== 'scenario' && command !== 'record') throw new Misuse(`There is no command "${command}".`);
  if (file === undefined || surplus !== undefined)
    throw new Misuse(`Give one scenario: farebox-sandbox ${command} FILE`);
  // Read when it is asked for: a sandbox that listens does without.
  const { playScenario, recordScenario } = await import('./scenario/command.ts');
  process.exitCode =
    command === 'scenario'
      ? await playScenario(file, { json: values.json, seed: values.seed })
      : await recordScenario(file, { json: values.json, key: stripeKey(), base: values['stripe-url'] });
}

/** The program: what it cannot do it says on standard error, with 2 for a wrong call and 1 for anything else. */
export async function main(argv: readonly string[]): Promise<void> {
  await run(argv).catch(fail);
}
