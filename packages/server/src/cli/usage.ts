import { createReadStream, existsSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { z } from 'zod';
import { systemClock } from '../lib/clock.ts';
import { createLog } from '../lib/log.ts';
import { Refusal } from '../lib/refusal.ts';
import { loadPriceList } from '../plans/load.ts';
import { mostEvents } from '../usage/events/asked.ts';
import { type Usage, createUsage } from '../usage/service.ts';
import { configuration, optionsAndNames } from './arguments.ts';
import { withDatabase } from './reach.ts';

const wish = `farebox usage import FILE [--history]   usage events from a .csv or .ndjson file; each once, however often it is run
  --history   events of any age, also of periods that are billed: they are shown and not billed again`;

/** Exit code when some events were rejected; 1 is a failure. */
const someRejected = 2;
const mostTold = 20;

/** `farebox usage import FILE`: sends a file's events through the one writer, beside a running Farebox too. */
export async function usageCommand(args: string[]): Promise<number> {
  const { values, positionals } = optionsAndNames(args, { history: { type: 'boolean' } });
  const [verb, path, ...more] = positionals;
  if (verb !== 'import' || path === undefined || more.length > 0) throw new Refusal(wish);
  if (!existsSync(path)) throw new Refusal(`There is no file ${path}.`);
  const { config } = configuration();
  const { meters } = await loadPriceList(config.price_list);
  return await withDatabase(config, async (db) => {
    const log = createLog('error');
    const usage = createUsage({ db, clock: systemClock, log, meters, ...config.usage });
    const isTerminal = process.stderr.isTTY;
    const counts = await importUsage(usage, path, {
      is_history: values.history === true,
      tell: (text) => void process.stderr.write(isTerminal ? `\r${text}` : `${text}\n`),
    });
    await usage.close();
    if (isTerminal) process.stderr.write('\n');
    const { accepted, duplicates, rejected, told } = counts;
    console.log(`${accepted} accepted, ${duplicates} known before, ${rejected} rejected${rejected === 0 ? '.' : ':'}`);
    for (const line of told) console.log(line);
    if (rejected > told.length) console.log(`  and ${rejected - told.length} more: GET /v1/usage/rejections`);
    return rejected === 0 ? 0 : someRejected;
  });
}

interface Counts {
  accepted: number;
  duplicates: number;
  rejected: number;
  /** Rejections in words. */
  told: string[];
}

const noteSchema = z.object({ size: z.number(), modified_at: z.number(), lines: z.int() });

/**
 * Writes a file's events page by page, however large it is. How far it came stands beside the file: after a kill it goes on
 * there, and what was written of the page that was under way is known by its ids.
 */
export async function importUsage(
  usage: Pick<Usage, 'ingest'>,
  path: string,
  options: { is_history: boolean; tell(text: string): void },
): Promise<Counts> {
  const { size, mtimeMs: modified_at } = statSync(path);
  const note = `${path}.progress`;
  const done = linesDone(note, { size, modified_at });
  const counts: Counts = { accepted: 0, duplicates: 0, rejected: 0, told: [] };
  let page: { line: number; event: unknown }[] = [];
  let bytes = 0;

  async function write(): Promise<void> {
    const last = page.at(-1);
    if (last === undefined) return;
    const results = await usage.ingest(
      page.map(({ event }) => event),
      { is_history: options.is_history },
    );
    for (const [index, result] of results.entries()) {
      if (result.status === 'rejected') {
        counts.rejected += 1;
        if (counts.told.length < mostTold) counts.told.push(`  line ${page[index]?.line ?? 0}: ${result.reason}`);
      } else if (result.status === 'accepted') counts.accepted += 1;
      else counts.duplicates += 1;
    }
    writeFileSync(note, JSON.stringify({ size, modified_at, lines: last.line }));
    options.tell(`${last.line} lines, ${size === 0 ? 100 : Math.min(100, Math.floor((100 * bytes) / size))} %`);
    page = [];
  }

  for await (const { line, event, read } of eventsOf(path)) {
    bytes = read;
    if (line <= done) continue;
    page.push({ line, event });
    if (page.length === mostEvents) await write();
  }
  await write();
  rmSync(note, { force: true });
  return counts;
}

/** Zero for a file that was not begun, or is another one by now. */
function linesDone(note: string, file: { size: number; modified_at: number }): number {
  if (!existsSync(note)) return 0;
  const found = noteSchema.safeParse(valueOf(readFileSync(note, 'utf8')));
  if (!found.success || found.data.size !== file.size || found.data.modified_at !== file.modified_at) return 0;
  return found.data.lines;
}

async function* eventsOf(path: string): AsyncGenerator<{ line: number; event: unknown; read: number }> {
  const isCsv = path.endsWith('.csv');
  let head: string[] | null = null;
  let open = '';
  let line = 0;
  let read = 0;
  for await (const text of createInterface({ input: createReadStream(path, 'utf8'), crlfDelay: Infinity })) {
    line += 1;
    read += Buffer.byteLength(text) + 1;
    const whole: string = open === '' ? text : `${open}\n${text}`;
    open = '';
    if (whole.trim() === '') continue;
    if (!isCsv) {
      yield { line, event: valueOf(whole), read };
      continue;
    }
    // A cell in quotes goes on in the next line.
    if (whole.split('"').length % 2 === 0) open = whole;
    else if (head === null) head = cellsOf(whole);
    else yield { line, event: eventOf(head, cellsOf(whole)), read };
  }
  if (open !== '') yield { line, event: undefined, read };
}

const texts = new Set(['id', 'type', 'source', 'customer_id', 'external_id', 'occurred_at', 'key_id', 'endpoint']);
/** Of Farebox's own export: what was made of the event, and not what it says. */
const made = new Set(['counted_at', 'received_at', 'meters']);

/** Columns by their names; those that an event does not have are its properties. */
function eventOf(head: readonly string[], cells: readonly string[]): unknown {
  if (cells.length !== head.length) return undefined;
  const event: Record<string, unknown> = {};
  const properties: Record<string, unknown> = {};
  for (const [index, name] of head.entries()) {
    const cell = cells[index] ?? '';
    if (cell === '' || made.has(name)) continue;
    if (texts.has(name)) event[name] = cell;
    else if (name === 'quantity') event['quantity'] = Number(cell);
    else if (name === 'properties') Object.assign(properties, valueOf(cell));
    else properties[name] = cell;
  }
  return { ...event, properties };
}

/** RFC 4180. */
function cellsOf(line: string): string[] {
  const cells = [...line.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^,]*))/g)];
  return cells.map(([, quoted, plain]) => (quoted === undefined ? (plain ?? '') : quoted.replaceAll('""', '"')));
}

/** Undefined where it is no JSON: an event that is rejected, and no reason to stop. */
function valueOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
