import type { HourExport } from './queries.ts';
import type { InspectedEvent } from './reader.ts';

export type ExportFormat = 'csv' | 'ndjson';

type Cell = string | number | null;

const eventColumns = [
  'customer_id',
  'id',
  'type',
  'source',
  'occurred_at',
  'counted_at',
  'received_at',
  'key_id',
  'endpoint',
  'quantity',
  'properties',
  'meters',
];
const hourColumns = ['customer_id', 'meter_id', 'hour_at', 'key_id', 'endpoint', 'dimensions', 'quantity', 'events'];

/** Events as a file: by the line in CSV (RFC 4180), or one JSON object a line. */
export async function* eventFile(pages: AsyncIterable<InspectedEvent[]>, format: ExportFormat): AsyncGenerator<string> {
  yield* file(pages, format, eventColumns, ({ verdicts, ...event }) => [
    event.customer_id,
    event.id,
    event.type,
    event.source,
    event.occurred_at.toISOString(),
    event.counted_at.toISOString(),
    event.received_at.toISOString(),
    event.key_id,
    event.endpoint,
    event.quantity,
    event.properties,
    Object.fromEntries(verdicts.flatMap(({ meter_id, amount }) => (amount === null ? [] : [[meter_id, amount]]))),
  ]);
}

/** Usage by the hour as a file. */
export async function* hourFile(pages: AsyncIterable<HourExport[]>, format: ExportFormat): AsyncGenerator<string> {
  yield* file(pages, format, hourColumns, (hour) => [
    hour.customer_id,
    hour.meter_id,
    hour.hour_at.toISOString(),
    hour.key_id,
    hour.endpoint,
    hour.dimensions,
    hour.quantity,
    hour.events,
  ]);
}

async function* file<T>(
  pages: AsyncIterable<T[]>,
  format: ExportFormat,
  columns: readonly string[],
  cellsOf: (row: T) => (Cell | object)[],
): AsyncGenerator<string> {
  if (format === 'csv') yield `${columns.join(',')}\r\n`;
  for await (const page of pages) {
    if (format === 'csv') yield page.map((row) => `${cellsOf(row).map(csvCell).join(',')}\r\n`).join('');
    else
      yield page
        .map((row) => {
          const cells = cellsOf(row);
          return `${JSON.stringify(Object.fromEntries(columns.map((name, index) => [name, cells[index]])))}\n`;
        })
        .join('');
  }
}

/** A text that a spreadsheet would take for a formula is told to be one by an apostrophe. */
function csvCell(value: Cell | object): string {
  if (value === null) return '';
  const text = typeof value === 'object' ? JSON.stringify(value) : String(value);
  const safe =
    typeof value === 'string' && /^[=+@\t\r-]/.test(text) && !/^-?\d+(\.\d+)?$/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
