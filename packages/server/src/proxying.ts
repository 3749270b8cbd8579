import type { AppOptions } from './app.ts';
import type { Gate } from './gate/gate.ts';
import { blockListOf } from './http/client-ip.ts';
import { dataHeaders } from './http/security-headers.ts';
import { invariant } from './lib/invariant.ts';
import { Refusal } from './lib/refusal.ts';
import type { Answers } from './proxy/answers.ts';
import { createProxy } from './proxy/proxy.ts';
import { createUpstream } from './proxy/upstream.ts';

/** Streams and WebSockets that are open by nature are cut after this. */
const drainMs = 3000;

/** Opens the reverse proxy on its own port; null where no upstream is named. `close` lets requests that were accepted finish. */
export async function openProxy(
  deps: Pick<AppOptions, 'config' | 'clock' | 'log'> & { gating: { gate: Gate }; answers: Answers },
): Promise<{ port: number; close(): Promise<void> } | null> {
  const { config, clock, log, answers } = deps;
  const { proxy: settings } = config;
  if (settings === null) return null;
  const { server, close, destroy } = createProxy({
    gate: deps.gating.gate,
    clock,
    log,
    upstream: createUpstream(settings.upstream, settings),
    trusted: blockListOf(config.trusted_proxies),
    settings,
    headers: dataHeaders({ https: false }),
    answered: (answered) => answers.record(answered),
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const isTaken = error.code === 'EADDRINUSE';
      const sentence = `Port ${settings.port} is taken by another program. Choose another with FAREBOX_PROXY_PORT.`;
      reject(isTaken ? new Refusal(sentence) : error);
    });
    server.listen(settings.port, config.host, resolve);
  });
  const address = server.address();
  invariant(address !== null && typeof address === 'object', 'a server that listens on a port has one');
  return {
    port: address.port,
    async close() {
      await new Promise<void>((resolve) => {
        const cut = setTimeout(destroy, drainMs);
        server.close(() => {
          clearTimeout(cut);
          resolve();
        });
        close();
        server.closeIdleConnections();
      });
      destroy();
    },
  };
}
