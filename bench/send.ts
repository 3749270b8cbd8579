import { type Socket, connect } from 'node:net';
import { answerLength } from './answer-length.ts';
import { usageEvents } from './usage-event.ts';

/** One run of load: requests with fresh events, in a process of its own. */
export interface SendLoad {
  port: number;
  secret_key: string;
  customers: string[];
  /** Events of one request; one is sent without a list. */
  batch: number;
  connections: number;
  seconds: number;
  /** Requests that are made before the time runs. */
  prepared: number;
}

export interface Sent {
  events: number;
  refused: number;
  took_ms: number;
  latencies: number[];
}

process.on('message', (load: SendLoad) => {
  void run(load).then((sent) => process.send?.(sent));
});

async function run(load: SendLoad): Promise<Sent> {
  const { batch, connections, seconds } = load;
  const make = () => requestOf(load);
  const prepared = Array.from({ length: load.prepared }, make);
  const latencies: number[] = [];
  let refused = 0;
  const sockets = await Promise.all(Array.from({ length: connections }, () => open(load.port)));
  const started = performance.now();
  const ends = started + seconds * 1000;
  await Promise.all(
    sockets.map(async (socket) => {
      while (performance.now() < ends) {
        const request = prepared.pop() ?? make();
        const begun = performance.now();
        const answer = await ask(socket, request);
        latencies.push((performance.now() - begun) * 1000);
        // `HTTP/1.1 200`, and nothing in it was rejected.
        if (answer[9] !== 0x32 || answer.includes('"status":"rejected"')) refused += 1;
      }
      socket.end();
    }),
  );
  return { events: latencies.length * batch, refused, took_ms: performance.now() - started, latencies };
}

function requestOf({ customers, batch, secret_key }: SendLoad): Buffer {
  const events = usageEvents(customers, batch);
  const body = Buffer.from(JSON.stringify(batch === 1 ? events[0] : events));
  const head = [
    'POST /v1/usage/events HTTP/1.1',
    'Host: 127.0.0.1',
    `Authorization: Bearer ${secret_key}`,
    'Content-Type: application/json',
    `Content-Length: ${body.length}`,
  ];
  return Buffer.concat([Buffer.from(`${head.join('\r\n')}\r\n\r\n`), body]);
}

async function open(port: number): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', () => resolve());
    socket.once('error', reject);
  });
  return socket;
}

async function ask(socket: Socket, request: Buffer): Promise<Buffer> {
  return await new Promise((resolve, reject) => {
    let rest: Buffer | null = null;
    const failed = (error?: Error) => reject(error ?? new Error('the server ended the connection'));
    const hear = (chunk: Buffer): void => {
      const bytes: Buffer = rest === null ? chunk : Buffer.concat([rest, chunk]);
      const length = answerLength(bytes);
      rest = bytes;
      if (length === null || bytes.length < length) return;
      socket.off('data', hear).off('error', failed).off('close', failed);
      resolve(bytes);
    };
    socket.on('data', hear).on('error', failed).on('close', failed);
    socket.write(request);
  });
}
