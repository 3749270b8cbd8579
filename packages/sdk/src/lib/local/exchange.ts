import type { Exchange } from '../api.ts';
import { FareboxUnavailable } from '../errors.ts';

/** Connections at the same time; more calls than that wait for one. */
const mostSockets = 64;

/**
 * Calls over `node:http`, whose connections are kept. A process that decides by itself makes thousands of small ones each second, and `fetch`
 * spends several times as much of the processor on each.
 */
export function createExchange(options: { base_url: string; timeout_ms: number }): {
  exchange: Exchange;
  close(): void;
} {
  const { timeout_ms } = options;
  const { origin, protocol, hostname, port } = new URL(options.base_url);
  const { Agent, request } = process.getBuiltinModule(protocol === 'https:' ? 'node:https' : 'node:http');
  const agent = new Agent({ keepAlive: true, maxSockets: mostSockets, scheduling: 'lifo' });
  const to = { agent, hostname: hostname.replace(/^\[|\]$/g, ''), ...(port === '' ? {} : { port }) };
  const encoder = new TextEncoder();

  const once = (url: string, { method, headers, body }: Parameters<Exchange>[1], signal: AbortSignal | undefined) =>
    new Promise<Awaited<ReturnType<Exchange>>>((resolve, reject) => {
      const bytes = body === undefined ? null : encoder.encode(body);
      const call = request(
        {
          ...to,
          method,
          path: url.slice(origin.length),
          headers: bytes === null ? headers : { ...headers, 'content-length': bytes.length },
          ...(signal === undefined ? {} : { signal }),
        },
        (answer) => {
          let text = '';
          answer.setEncoding('utf8');
          answer.on('data', (chunk: string) => (text += chunk));
          answer.on('error', reject);
          answer.on('end', () => {
            const { location = null, 'content-type': content_type = '' } = answer.headers;
            resolve({ status: answer.statusCode ?? 0, location, content_type, text });
          });
        },
      );
      const late = setTimeout(() => call.destroy(new Error(`no answer within ${timeout_ms} ms`)), timeout_ms);
      call.on('error', reject);
      call.on('close', () => clearTimeout(late));
      call.end(bytes);
    });

  return {
    async exchange(url, init, signal) {
      try {
        return await once(url, init, signal);
      } catch (error) {
        const why = error instanceof Error ? error.message : 'it broke off';
        throw new FareboxUnavailable(`Farebox could not be reached at ${origin}: ${why}.`, { cause: error });
      }
    },
    close: () => agent.destroy(),
  };
}
