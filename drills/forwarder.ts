import { once } from 'node:events';
import { type Socket, connect, createServer } from 'node:net';

/** A line to a server that can be made slow, cut, and led elsewhere: what a network does to who counts. */
export interface Forwarder {
  port: number;
  url: string;
  /** Every answer comes this much later from now on. */
  delay(ms: number): void;
  /** Ends what stands and lets nothing through until `mend`. */
  cut(): void;
  mend(): void;
  /** Ends what stands; what connects from now on reaches this port. */
  leadTo(port: number): void;
  close(): Promise<void>;
}

export async function startForwarder(first: number): Promise<Forwarder> {
  let target = first;
  let delay_ms = 0;
  let isCut = false;
  const sockets = new Set<Socket>();
  const end = () => {
    for (const socket of sockets) socket.destroy();
  };
  const server = createServer((near) => {
    if (isCut) return near.destroy();
    const far = connect(target, '127.0.0.1');
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket.setNoDelay(true);
      socket.on('error', () => socket.destroy());
      socket.on('close', () => {
        sockets.delete(socket);
        near.destroy();
        far.destroy();
      });
    }
    near.on('data', (chunk) => far.write(chunk));
    far.on('data', (chunk) => {
      if (delay_ms === 0) near.write(chunk);
      else setTimeout(() => near.write(chunk), delay_ms);
    });
    return undefined;
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('it listens on a port');
  return {
    port: address.port,
    url: `redis://127.0.0.1:${address.port}`,
    delay: (ms) => void (delay_ms = ms),
    cut() {
      isCut = true;
      end();
    },
    mend: () => void (isCut = false),
    leadTo(port) {
      target = port;
      end();
    },
    async close() {
      end();
      server.close();
      await once(server, 'close');
    },
  };
}
