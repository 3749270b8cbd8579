import { once } from 'node:events';
import { type AddressInfo, type Socket, connect, createServer } from 'node:net';

/** A line between two programs that behaves as badly as lines do. */
export interface Relay {
  url: string;
  /** Where it leads from now on; new connections take turns. */
  lead(...urls: string[]): void;
  /** Connections that asked for this hear nothing more, and are not told. */
  hang(asked: RegExp): void;
  /** Those that hang go on. */
  go(): void;
  /** Every connection ends, and no other begins until `mend`. */
  cut(): void;
  mend(): void;
  /** The answers to the next so many requests like this are lost on the way, after what they ask for was done. */
  loseAnswers(asked: RegExp, count: number): void;
  /** Answers that were lost. */
  lost(): number;
  close(): Promise<void>;
}

interface Line {
  near: Socket;
  far: Socket;
  /** What it asked last. */
  asked: string;
  losing: boolean;
}

/** Starts it on a port of its own. */
export async function createRelay(...urls: string[]): Promise<Relay> {
  const lines = new Set<Line>();
  let targets = urls;
  let turn = 0;
  let isCut = false;
  let hanging: RegExp | null = null;
  let losing: { asked: RegExp; count: number } | null = null;
  let lost = 0;

  const server = createServer((near) => {
    if (isCut) return void near.destroy();
    const { hostname, port } = new URL(targets[(turn += 1) % targets.length] ?? '');
    const line: Line = { near, far: connect({ host: hostname, port: Number(port) }), asked: '', losing: false };
    lines.add(line);
    const end = (): void => {
      lines.delete(line);
      near.destroy();
      line.far.destroy();
    };
    for (const socket of [near, line.far]) {
      socket.on('error', end);
      socket.on('close', end);
    }
    near.on('data', (chunk) => {
      if (/^[A-Z]+ \//.test(chunk.toString('latin1', 0, 12))) {
        line.asked = chunk.toString('latin1', 0, 200).split('\r\n')[0] ?? '';
        line.losing = losing !== null && losing.count > 0 && losing.asked.test(line.asked);
        if (line.losing && losing !== null) losing.count -= 1;
      }
      line.far.write(chunk);
    });
    line.far.on('data', (chunk) => {
      if (line.losing) {
        lost += 1;
        return end();
      }
      near.write(chunk);
      if (hanging?.test(line.asked) === true) line.far.pause();
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    lead: (...next) => void (targets = next),
    hang(asked) {
      hanging = asked;
      for (const line of lines) if (asked.test(line.asked)) line.far.pause();
    },
    go() {
      hanging = null;
      for (const { far } of lines) far.resume();
    },
    cut() {
      isCut = true;
      for (const { near } of lines) near.destroy();
    },
    mend: () => void (isCut = false),
    loseAnswers: (asked, count) => void (losing = { asked, count }),
    lost: () => lost,
    async close() {
      const closed = once(server, 'close');
      server.close();
      for (const { near } of lines) near.destroy();
      await closed;
    },
  };
}
