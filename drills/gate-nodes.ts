import { type Serving, startServing } from '../packages/server/test/serving.ts';
import { freePort } from '../packages/server/test/free-port.ts';
import { send } from './send.ts';

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

/** One question to a node: the code of its answer. */
export async function askNode(node: Serving, headers: Record<string, string>, body: object): Promise<string> {
  const { text } = await send(`${node.url}/v1/keys/verify`, headers, body);
  return (JSON.parse(text) as { code: string }).code;
}

/** The value below which this part of them lies; 0 of none. */
export function quantile(sorted: readonly number[], part: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0;
}
