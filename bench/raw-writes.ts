import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import pg from 'pg';
import { reportTo } from './served.ts';
import { type BenchEvent, usageEvents } from './usage-event.ts';

/**
 * What Farebox is held against, in a process of its own: the same events written by hand into a table of their own. `insert`
 * and `copy` write batches of 100 over 16 connections when they are asked over IPC, with no HTTP between; `serve` writes each
 * request as it comes, as a handler does that is written in an afternoon.
 */
const [kind = '', url = '', table = 'raw_event'] = process.argv.slice(2);
const batch = 100;
const connections = 16;

export interface RawLoad {
  customers: string[];
  seconds: number;
}

const columns = ['customer_id', 'id', 'type', 'occurred_at', 'endpoint', 'properties'] as const;
const insert = `
  insert into ${table} (customer_id, id, type, occurred_at, endpoint, properties)
  select * from unnest($1::text[], $2::text[], $3::text[], $4::timestamptz[], $5::text[], $6::jsonb[])
  on conflict do nothing`;

function valuesOf(events: readonly BenchEvent[]): unknown[][] {
  return columns.map((name) =>
    events.map((event) => (name === 'properties' ? JSON.stringify(event.properties) : event[name])),
  );
}

/** `copy … from stdin`, as the driver's protocol has it and the driver itself does not. */
class Copy {
  readonly done: Promise<void>;
  private readonly text: string;
  private settle: { resolve(): void; reject(error: Error): void } = {
    resolve: () => undefined,
    reject: () => undefined,
  };

  constructor(text: string) {
    this.text = text;
    this.done = new Promise((resolve, reject) => (this.settle = { resolve, reject }));
  }
  submit(connection: { query(text: string): void }): void {
    connection.query(`copy ${table} (${columns.join(', ')}) from stdin`);
  }
  handleCopyInResponse(connection: { sendCopyFromChunk(chunk: Buffer): void; endCopyFrom(): void }): void {
    connection.sendCopyFromChunk(Buffer.from(this.text));
    connection.endCopyFrom();
  }
  handleCommandComplete(): void {}
  handleReadyForQuery(): void {
    this.settle.resolve();
  }
  handleError(error: Error): void {
    this.settle.reject(error);
  }
}

function copyText(events: readonly BenchEvent[]): string {
  return events
    .map((event) =>
      columns.map((name) => (name === 'properties' ? JSON.stringify(event.properties) : event[name])).join('\t'),
    )
    .map((line) => `${line}\n`)
    .join('');
}

async function run({ customers, seconds }: RawLoad): Promise<void> {
  const latencies: number[] = [];
  const clients = await Promise.all(
    Array.from({ length: connections }, async () => {
      const client = new pg.Client({ connectionString: url });
      await client.connect();
      return client;
    }),
  );
  const batches = Array.from({ length: connections }, () =>
    Array.from({ length: 40 * seconds + 20 }, () => usageEvents(customers, batch)),
  );
  const started = performance.now();
  const cpu = process.cpuUsage();
  await Promise.all(
    clients.map(async (client, index) => {
      while (performance.now() - started < seconds * 1000) {
        const events = batches[index]?.pop() ?? usageEvents(customers, batch);
        const begun = performance.now();
        if (kind === 'copy') await client.query(new Copy(copyText(events))).done;
        else await client.query({ name: 'insert', text: insert, values: valuesOf(events) });
        latencies.push((performance.now() - begun) * 1000);
      }
    }),
  );
  const took = performance.now() - started;
  const { user, system } = process.cpuUsage(cpu);
  await Promise.all(clients.map((client) => client.end()));
  process.send?.({ events: latencies.length * batch, took_ms: took, latencies, cpu_us: user + system });
}

if (kind === 'serve') {
  const pool = new pg.Pool({ connectionString: url, max: 20 });
  const one = `insert into ${table} (${columns.join(', ')}) values ($1, $2, $3, $4, $5, $6) on conflict do nothing`;
  const server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8');
    request.on('data', (chunk: string) => (body += chunk));
    request.on('end', () => {
      const event: BenchEvent = JSON.parse(body);
      const values = columns.map((name) => (name === 'properties' ? JSON.stringify(event.properties) : event[name]));
      const answer = (status: number) => response.writeHead(status, { 'content-length': '2' }).end('{}');
      pool.query({ name: 'one', text: one, values }).then(
        () => answer(200),
        () => answer(503),
      );
    });
  });
  server.listen(0, '127.0.0.1', () => reportTo({ port: (server.address() as AddressInfo).port, secret_key: 'none' }));
} else {
  process.on('message', (load: RawLoad) => void run(load));
  process.send?.('ready');
}
