import { readFileSync } from 'node:fs';
import { type Socket, connect } from 'node:net';
import { answerLength } from './answer-length.ts';
import { type Call, callOf } from './calls.ts';

/** One run of load, in a process of its own. */
export interface Load {
  port: number;
  call: Call;
  /** A file with a key a line; each request takes one at random. */
  keys: string;
  secret_key: string;
  connections: number;
  seconds: number;
  /** Each key once, in order, before the time runs, for as long as this (milliseconds): others are met as they come. */
  first_ms: number;
}

/** What came of it. */
export interface Loaded {
  requests: number;
  /** Answers that did not let the request pass. */
  refused: number;
  per_second: number;
  p50_us: number;
  p99_us: number;
}

/** Waits for a load over IPC, makes it, and sends back what came of it. */
process.on('message', (load: Load) => {
  void run(load).then((loaded) => process.send?.(loaded));
});

async function run({ port, call, keys, secret_key, connections, seconds, first_ms }: Load): Promise<Loaded> {
  const requests = readFileSync(keys, 'utf8')
    .trim()
    .split('\n')
    .map((key) => Buffer.from(callOf(call, key, secret_key)));
  const latencies: number[] = [];
  const started = performance.now();
  let ends = started + seconds * 1000;
  let [refused, left] = [0, first_ms > 0 ? requests.length : 0];
  await Promise.all(
    Array.from({ length: connections }, async () => {
      const socket = connect({ port, host: '127.0.0.1', noDelay: true });
      await talk(socket, {
        next: () => {
          if (left === 0) return requests[Math.floor(Math.random() * requests.length)] ?? Buffer.alloc(0);
          left = performance.now() - started > first_ms ? 0 : left - 1;
          if (left === 0) ends = performance.now() + seconds * 1000;
          return requests[left] ?? Buffer.alloc(0);
        },
        goesOn: () => left > 0 || performance.now() < ends,
        answered: (ok, us) => {
          latencies.push(us);
          if (!ok) refused += 1;
        },
      });
    }),
  );
  const took = performance.now() - started;
  const sorted = Float64Array.from(latencies).sort();
  const at = (share: number): number => Math.round(sorted[Math.floor(sorted.length * share)] ?? 0);
  return {
    requests: sorted.length,
    refused,
    per_second: Math.round((sorted.length / took) * 1000),
    p50_us: at(0.5),
    p99_us: at(0.99),
  };
}

/** One request after another on one connection. */
async function talk(
  socket: Socket,
  work: { next(): Buffer; goesOn(): boolean; answered(ok: boolean, us: number): void },
): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    let rest: Buffer | null = null;
    let sent_at = 0;
    const send = (): void => {
      sent_at = performance.now();
      socket.write(work.next());
    };
    socket.on('connect', send);
    socket.on('error', reject);
    socket.on('close', () => resolve());
    socket.on('data', (chunk: Buffer) => {
      const bytes: Buffer = rest === null ? chunk : Buffer.concat([rest, chunk]);
      const length = answerLength(bytes);
      if (length === null || bytes.length < length) {
        rest = bytes;
        return;
      }
      rest = null;
      // `HTTP/1.1 200`; of a verification the body says whether the request may pass.
      const ok = bytes[9] === 0x32 && !bytes.includes('"valid":false');
      work.answered(ok, (performance.now() - sent_at) * 1000);
      if (work.goesOn()) send();
      else socket.end();
    });
  });
}
