import { once } from 'node:events';
import { connect } from 'node:net';
import fc from 'fast-check';

/** Sends the bytes in these pieces, says that nothing follows, and answers all that comes back. */
export async function say(port: number, pieces: readonly Buffer[]): Promise<string> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true, allowHalfOpen: true });
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  const closed = new Promise<void>((resolve) => void socket.once('close', () => resolve()));
  // A server that refuses may close before it has read everything.
  socket.on('error', () => socket.destroy());
  await once(socket, 'connect');
  for (const piece of pieces)
    await new Promise<void>((resolve) => void socket.write(piece, () => setImmediate(resolve)));
  socket.end();
  await closed;
  return Buffer.concat(chunks).toString('latin1');
}

const name = fc.constantFrom(
  ...'Host,host,Authorization,authorization,AUTHORIZATION,X-Api-Key,x-api-key,X-Forwarded-For,Content-Type,Accept,User-Agent,x-odd_name'.split(
    ',',
  ),
  ...'Connection,Transfer-Encoding,Content-Length,Expect,Upgrade,Cookie,TE,Trailer,Origin,Proxy-Connection'.split(','),
);
const value = fc.oneof(
  fc.constantFrom(
    'a',
    'Bearer sky_test_abc',
    'sky_live_1',
    '10.0.0.1, 10.0.0.2',
    'application/json',
    '*/*',
    'localhost',
    'localhost:4000',
  ),
  fc.constantFrom(
    'keep-alive',
    'close',
    'chunked',
    '100-continue',
    '5',
    '0',
    '05',
    '+5',
    'websocket',
    'a b',
    '',
    ' a ',
    '\ta',
    'é',
    'a\0b',
    '"',
  ),
);
export const field = fc.tuple(
  name,
  fc.constantFrom(': ', ':', ' : ', ':  ', ':\t'),
  value,
  fc.constantFrom('\r\n', '\r\n', '\r\n', '\r\n', '\n', '\r', '\r\n '),
);
/** A request that is mostly a good one, with odd headers and a body that may not be the one it announces. */
function requests(lines: fc.Arbitrary<string>, good: fc.Arbitrary<string>, hasBody: (line: string) => boolean) {
  const body = fc.constantFrom('{"key":"sky_test_abc"}', '{"key":"é"}', '', 'GET / HTTP/1.1\r\n\r\n', '0\r\n\r\n');
  return fc
    .record({
      line: lines,
      good,
      fields: fc.array(field, { maxLength: 3 }),
      body,
      honest: fc.boolean(),
      first: fc.boolean(),
    })
    .map(({ line: start, good: usual, fields, body: content, honest, first }) => {
      const odd = fields.map((parts) => parts.join('')).join('');
      const length =
        hasBody(start) || (honest && content !== '') ? `Content-Length: ${Buffer.byteLength(content)}\r\n` : '';
      const sent = hasBody(start) || honest ? content : '';
      return `${start}\r\n${first ? odd : ''}${usual}${length}${first ? '' : odd}\r\n${sent}`;
    });
}

/** The bytes of some requests on one connection, here and there one of them another, cut into the pieces they are sent in. */
export function conversations(
  lines: fc.Arbitrary<string>,
  good: fc.Arbitrary<string>,
  hasBody: (line: string) => boolean,
): fc.Arbitrary<Buffer[]> {
  return fc
    .record({
      requests: fc.array(requests(lines, good, hasBody), { minLength: 1, maxLength: 5 }),
      cuts: fc.array(fc.nat(900), { maxLength: 4 }),
      flips: fc.array(fc.record({ at: fc.nat(900), byte: fc.constantFrom(0, 9, 10, 13, 32, 58, 127, 128, 255) }), {
        maxLength: 1,
      }),
    })
    .map(piecesOf);
}

function piecesOf({
  requests,
  cuts,
  flips,
}: {
  requests: string[];
  cuts: number[];
  flips: { at: number; byte: number }[];
}): Buffer[] {
  const bytes = Buffer.from(requests.join(''));
  for (const { at, byte } of flips) if (at < bytes.length && at % 3 === 0) bytes[at] = byte;
  const bounds = [
    0,
    ...new Set(cuts.filter((cut) => cut > 0 && cut < bytes.length).toSorted((a, b) => a - b)),
    bytes.length,
  ];
  return bounds.slice(1).map((bound, index) => bytes.subarray(bounds[index], bound));
}
