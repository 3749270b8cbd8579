import { type AddressInfo, type Server, type Socket, connect, createServer } from 'node:net';
import { once } from 'node:events';

/** A request as it arrived, byte by byte. */
export interface RawRequest {
  head: string;
  body: string;
  connection: number;
}

/**
 * An API that is read by other means than the proxy's parser: it takes requests apart by the letter of RFC 9112 and keeps their bytes.
 * What is not in that form is a fault that the test sees.
 */
export async function startRawUpstream(
  answer: (request: RawRequest, socket: Socket) => string | null = () =>
    'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok',
) {
  const requests: RawRequest[] = [];
  const faults: string[] = [];
  const sockets = new Set<Socket>();
  let connections = 0;
  const server: Server = createServer((socket) => {
    connections += 1;
    const connection = connections;
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket)).on('error', () => socket.destroy());
    let rest = '';
    let isRaw = false;
    socket.on('data', (chunk) => {
      if (isRaw) return;
      rest += chunk.toString('latin1');
      for (let read = readOne(rest); read !== null; read = readOne(rest)) {
        if (typeof read === 'string') {
          faults.push(read);
          return void socket.destroy();
        }
        rest = rest.slice(read.length);
        const request = { head: read.head, body: read.body, connection };
        requests.push(request);
        const text = answer(request, socket);
        if (text !== null) socket.write(text, 'latin1');
        if (text?.startsWith('HTTP/1.1 101') === true) {
          isRaw = true;
          break;
        }
      }
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    port,
    url: `http://127.0.0.1:${port}`,
    requests,
    faults,
    connections: () => connections,
    forget(): void {
      requests.length = 0;
      faults.length = 0;
    },
    close(): void {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}

/** Null: more has to come. A text: what is wrong. */
function readOne(text: string): { head: string; body: string; length: number } | string | null {
  const end = text.indexOf('\r\n\r\n');
  if (end === -1) return null;
  const head = text.slice(0, end + 2);
  if (!/^[A-Z]+ \/[\x21-\x7e]* HTTP\/1\.1\r\n(?:[!#$%&'*+.^_`|~0-9A-Za-z-]+: [^\r\n\0]*\r\n)*$/.test(head))
    return `no canonical head: ${JSON.stringify(head)}`;
  const all = (name: string) =>
    [...head.matchAll(new RegExp(`^${name}: (.*)\r$`, 'gim'))].map((match) => match[1] ?? '');
  const [lengths, codings] = [all('content-length'), all('transfer-encoding')];
  if (lengths.length + codings.length > 1 || all('host').length !== 1)
    return `two framings or hosts: ${JSON.stringify(head)}`;
  const from = end + 4;
  if (codings.length === 1) return codings[0] === 'chunked' ? readChunked(text, head, from) : `coding ${codings[0]}`;
  const length = lengths.length === 0 ? 0 : Number(lengths[0]);
  if (!Number.isSafeInteger(length)) return `length ${lengths[0]}`;
  return text.length - from < length ? null : { head, body: text.slice(from, from + length), length: from + length };
}

function readChunked(text: string, head: string, from: number): ReturnType<typeof readOne> {
  let body = '';
  let at = from;
  for (;;) {
    const line = /^([0-9a-f]{1,8})\r\n/i.exec(text.slice(at, at + 20));
    if (line === null)
      return text.length - at < 20 ? null : `no canonical chunk: ${JSON.stringify(text.slice(at, at + 40))}`;
    const size = Number.parseInt(line[1] ?? '', 16);
    const start = at + line[0].length;
    if (text.length < start + size + 2) return null;
    if (text.slice(start + size, start + size + 2) !== '\r\n') return 'a chunk has no end';
    body += text.slice(start, start + size);
    at = start + size + 2;
    if (size === 0) return { head, body, length: at };
  }
}

/** Sends bytes, ends the connection once so many answers came, and answers all that was said until it is closed. */
export async function sendRaw(port: number, bytes: string, answers = 1): Promise<string> {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  let text = '';
  socket.on('data', (chunk) => {
    text += chunk.toString('latin1');
    if (statusesOf(text).length >= answers && /\r\n\r\n/.test(text)) socket.end();
  });
  // A side that is refused may be cut off; what was said before that counts.
  socket.on('end', () => socket.end()).on('error', () => socket.destroy());
  socket.write(bytes, 'latin1');
  await once(socket, 'close').catch(() => socket.destroy());
  return text;
}

/** The statuses of the answers in a stream of bytes, informational ones left out. */
export function statusesOf(text: string): number[] {
  return [...text.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map((match) => Number(match[1])).filter((status) => status >= 200);
}
