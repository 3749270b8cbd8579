import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createClient } from '@redis/client';
import { freePort } from './free-port.ts';

/** A Redis of the test's own. */
export interface RedisServer {
  port: number;
  pid: number;
  url: string;
  /** One command, whatever it is. */
  say(...command: string[]): Promise<unknown>;
  /** SIGSTOP: it keeps its connections and answers nothing. */
  signal(signal: 'SIGSTOP' | 'SIGCONT'): void;
  /** SIGKILL. */
  kill(): Promise<void>;
}

/** Whether this machine can; where it must (CI) and cannot, it is an error. `what` is said where it is skipped. */
export function hasRedis(what: string): boolean {
  const isThere = spawnSync('redis-server', ['--version']).status === 0;
  if (!isThere && process.env['CI'] === 'true') throw new Error('CI needs redis-server.');
  if (!isThere) process.stdout.write(`skipped: ${what} (no redis-server on this machine)\n`);
  return isThere;
}

/** Starts one that keeps nothing on disk unless `more` says otherwise, and waits until it accepts connections. */
export async function startRedis(options: { port?: number; more?: readonly string[] } = {}): Promise<RedisServer> {
  const port = options.port ?? (await freePort());
  const args = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no'];
  const server = spawn('redis-server', [...args, ...(options.more ?? [])], { stdio: ['ignore', 'pipe', 'pipe'] });
  // Whoever started it may end without a word.
  const orphaned = () => server.kill('SIGKILL');
  process.once('exit', orphaned);
  server.once('exit', () => process.off('exit', orphaned));
  await untilReady(server);
  const url = `redis://127.0.0.1:${port}`;
  return {
    port,
    pid: server.pid ?? 0,
    url,
    async say(...command) {
      const client = await createClient({ url }).connect();
      try {
        return await client.sendCommand(command);
      } finally {
        client.destroy();
      }
    },
    signal: (signal) => void server.kill(signal),
    async kill() {
      if (server.exitCode !== null || server.signalCode !== null) return;
      const ended = once(server, 'exit');
      server.kill('SIGKILL');
      await ended;
    },
  };
}

async function untilReady(server: ChildProcess): Promise<void> {
  const { stdout, stderr } = server;
  if (stdout === null || stderr === null) throw new Error('a server is started with a pipe');
  let said = '';
  await new Promise<void>((resolve, reject) => {
    server.once('exit', (code) => reject(new Error(`redis-server ended with ${code}:\n${said}`)));
    const read = (chunk: Buffer) => {
      said += chunk.toString();
      if (said.includes('Ready to accept connections')) resolve();
    };
    stdout.on('data', read);
    stderr.on('data', read);
  });
}
