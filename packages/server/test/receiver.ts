import { once } from 'node:events';
import { type IncomingHttpHeaders, createServer } from 'node:http';
import type { WebhookEvent } from '@farebox/sdk';
import { freePort } from './free-port.ts';

/** What was posted to it. */
export interface Received {
  path: string;
  headers: IncomingHttpHeaders;
  body: string;
  event: WebhookEvent;
}

interface Answer {
  status: number;
  body?: string;
  headers?: Record<string, string>;
}

type Answering = (received: Received) => Answer | Promise<Answer>;

const thanks: Answering = () => ({ status: 200, body: 'thanks' });

/** A program that receives webhooks, on a real port. `answer` may be replaced at any time. */
export async function startReceiver() {
  const received: Received[] = [];
  const receiver = {
    received,
    url: '',
    answer: thanks,
    of: (type: string) => received.filter(({ event }) => event.type === type),
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
  const server = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () => {
      const body = Buffer.concat(parts).toString();
      const one = { path: request.url ?? '', headers: request.headers, body, event: JSON.parse(body) };
      received.push(one);
      void Promise.resolve(receiver.answer(one)).then(({ status, body: text = '', headers = {} }) => {
        response.writeHead(status, headers);
        response.end(text);
      });
    });
  });
  const port = await freePort();
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  receiver.url = `http://127.0.0.1:${port}/hooks`;
  return receiver;
}
