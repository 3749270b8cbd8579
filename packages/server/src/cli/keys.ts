import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { z } from 'zod';
import { createAudit } from '../accounts/audit.ts';
import { readConfig, readEnvironment } from '../config.ts';
import type { Database } from '../db/database.ts';
import { foreignKeyOf, foreignKeySchema, leastEntropyBits, mostKeys } from '../keys/import/schema.ts';
import { type ForeignKey, type KeyImport, createKeyImport } from '../keys/import/service.ts';
import { systemClock } from '../lib/clock.ts';
import { Refusal } from '../lib/refusal.ts';
import { withDatabase } from './reach.ts';

const usage = `farebox keys import FILE --entropy-bits N   keys of another system, one JSON object a line: hash (SHA-256), customer, name, …
farebox keys progress                       how many of them are in use here`;

/** Exit code when some keys were rejected; 1 is a failure. */
const someRejected = 2;
/** Rejections that are told one by one. */
const mostTold = 20;

/**
 * `farebox keys import FILE`: takes over keys of another system by their hash, in batches, saying how far it is. What is there
 * already is left as it is, so that a file is sent again after an interruption or with what was added to it.
 */
export async function keysCommand(args: string[]): Promise<number> {
  const [verb, ...rest] = args;
  if (verb !== 'import' && verb !== 'progress') throw new Refusal(usage);
  const environment = readEnvironment();
  const { config, secrets } = readConfig('dev', { STRIPE_WEBHOOK_SECRET: 'whsec_never_used', ...environment });
  if (config.database.kind === 'postgres' && !environment['FAREBOX_SECRET'])
    throw new Refusal('FAREBOX_SECRET is needed: the one of the server, or it will not find these keys.');
  return await withDatabase(config, async (db) => {
    const keyImport = open(db, secrets.key_peppers, config.livemode);
    return verb === 'import' ? await importFile(keyImport, rest) : await tell(keyImport);
  });
}

function open(db: Database, peppers: Parameters<typeof createKeyImport>[0]['peppers'], livemode: boolean): KeyImport {
  const clock = systemClock;
  const audit = createAudit({ db, clock });
  // Running processes hear of it from the database, within a second.
  return createKeyImport({ db, clock, peppers, livemode, audit, changed: () => Promise.resolve() });
}

async function tell(keyImport: KeyImport): Promise<number> {
  const { keys, used } = await keyImport.progress();
  const share = keys === 0 ? '' : ` (${Math.floor((100 * used) / keys)} %)`;
  console.log(`${used} of ${keys} imported keys were used here${share}.`);
  return 0;
}

async function importFile(keyImport: KeyImport, args: string[]): Promise<number> {
  const { path, isTerminal } = options(args);
  const lines = await readAll(path);
  const counts = { imported: 0, existing: 0, rejected: 0 };
  const told: string[] = [];
  for (let from = 0; from < lines.length; from += mostKeys) {
    const batch = lines.slice(from, from + mostKeys);
    const results = await keyImport.importKeys(
      batch.map(({ key }) => key),
      'system',
    );
    for (const [index, result] of results.entries()) {
      counts[result.status] += 1;
      if (result.status === 'rejected')
        told.push(`  line ${batch[index]?.line ?? 0}: ${result.param}: ${result.detail}`);
    }
    const done = Math.min(lines.length, from + mostKeys);
    const text = `${done} of ${lines.length} keys (${Math.floor((100 * done) / lines.length)} %)`;
    process.stderr.write(isTerminal ? `\r${text}` : `${text}\n`);
  }
  if (isTerminal) process.stderr.write('\n');
  console.log(
    `${counts.imported} imported, ${counts.existing} were there already, ${counts.rejected} rejected${told.length === 0 ? '.' : ':'}`,
  );
  for (const line of told.slice(0, mostTold)) console.log(line);
  if (told.length > mostTold) console.log(`  and ${told.length - mostTold} more`);
  return counts.rejected === 0 ? 0 : someRejected;
}

/** The whole file, checked before anything is written: a faulty line is named and nothing is imported. */
async function readAll(path: string): Promise<{ line: number; key: ForeignKey }[]> {
  const found: { line: number; key: ForeignKey }[] = [];
  const faults: string[] = [];
  let line = 0;
  for await (const text of createInterface({ input: createReadStream(path, 'utf8'), crlfDelay: Infinity })) {
    line += 1;
    if (text.trim() === '') continue;
    const parsed = foreignKeySchema.safeParse(valueOf(text));
    if (parsed.success) found.push({ line, key: foreignKeyOf(parsed.data) });
    else faults.push(`  line ${line}: ${z.prettifyError(parsed.error).replaceAll('\n', ' ')}`);
    if (faults.length >= mostTold) break;
  }
  if (faults.length > 0) throw new Refusal(`${path} has faults; nothing was imported:\n${faults.join('\n')}`);
  if (found.length === 0) throw new Refusal(`${path} holds no key.`);
  return found;
}

/** What a line says; undefined where it is no JSON, which the schema then calls by its name. */
function valueOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function options(args: string[]): { path: string; isTerminal: boolean } {
  const { values, positionals } = parse(args);
  const [path, ...more] = positionals;
  if (path === undefined || more.length > 0) throw new Refusal(usage);
  const bits = Number(values['entropy-bits']);
  if (!Number.isInteger(bits) || bits < leastEntropyBits)
    throw new Refusal(
      `Say with --entropy-bits how many random bits each key has. Below ${leastEntropyBits} a bare SHA-256 can be guessed: give those customers new keys.`,
    );
  return { path, isTerminal: process.stderr.isTTY };
}

function parse(args: string[]) {
  try {
    const known = { 'entropy-bits': { type: 'string' } } as const;
    return parseArgs({ args, options: known, allowPositionals: true, strict: true });
  } catch (error) {
    throw new Refusal(error instanceof Error ? error.message : String(error), { cause: error });
  }
}
