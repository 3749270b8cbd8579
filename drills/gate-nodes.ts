import { Agent, request } from 'node:http';
import { type Serving, startServing } from '../packages/server/test/serving.ts';
import { freePort } from '../packages/server/test/free-port.ts';

/** Processes of the program that only decide, on one database. */
export async function startGateNodes(options: {
  count: number;
  environment: Record<string, string>;
}): Promise<Serving[]> {
  const first = await freePort(options.count);
  return await Promise.all(
    Array.from({ length: options.count }, async (_, index) => {
      const { environment } = options;
      return await startServing({ port: first + index, args: ['--role', 'gate'], environment });
    }),
  );
}

const agent = new Agent({ keepAlive: true, maxSockets: 64 });

/** One question to a node: the code of its answer. By node:http, which costs the drill less than what it measures. */
export async function askNode(node: Serving, headers: Record<string, string>, body: object): Promise<string> {
  return await new Promise((resolve, reject) => {
    const asked = request(`${node.url}/v1/keys/verify`, { method: 'POST', agent, headers }, (answer) => {
      let text = '';
      answer.setEncoding('utf8');
      answer.on('data', (chunk: string) => (text += chunk));
      answer.on('end', () => resolve((JSON.parse(text) as { code: string }).code));
    });
    asked.on('error', reject);
    asked.end(JSON.stringify(body));
  });
}

/** The value below which this part of them lies; 0 of none. */
export function quantile(sorted: readonly number[], part: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0;
}
