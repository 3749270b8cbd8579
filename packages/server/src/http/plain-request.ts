import { byText } from '../lib/by-text.ts';
import { cutHead, readLines } from './plain-head.ts';

/**
 * The one shape in which proxies and SDKs send the gate's two calls, read from the raw bytes. What is not exactly this shape is
 * not refused here but left to the complete parser, so that a request has one meaning, whoever reads it.
 *
 * RFC 9112, narrowed: `GET` with no body or `POST` with `Content-Length`, HTTP/1.1, CRLF, each header once where it matters,
 * names of token characters with no space before the colon, values of visible ASCII and spaces, no folding, no transfer coding.
 */
export interface PlainRequest {
  method: 'GET' | 'POST';
  path: string;
  /** Without the question mark; of characters that mean themselves. */
  query: string;
  authorization: string | undefined;
  x_api_key: string | undefined;
  x_forwarded_for: string | undefined;
  content_type: string | undefined;
  body: string;
  /** Where the next request begins. */
  end: number;
}

/** `other`: for the complete parser. `partial`: so far nothing speaks against it, and bytes are missing. */
export type PlainRead = PlainRequest | 'other' | 'partial';

const mostBody = 8192;
const target = /^(GET|POST) (\/[a-z0-9/_-]*)(?:\?([\w.~/=&:{}-]*))? HTTP\/1\.1$/;
const length = /^(?:0|[1-9]\d{0,3})$/;

/** What a header is to this reader, by its name in lower case. Names that are not here say nothing to the two calls. */
const meanings: ReadonlyMap<string, Meaning> = new Map<string, Meaning>([
  ['authorization', 'authorization'],
  ['x-api-key', 'x_api_key'],
  ['x-forwarded-for', 'x_forwarded_for'],
  ['content-type', 'content_type'],
  ['content-length', 'content_length'],
  ['host', 'host'],
  ['connection', 'connection'],
  ['accept', 'accept'],
  ...[
    'transfer-encoding',
    'content-encoding',
    'expect',
    'upgrade',
    'http2-settings',
    'te',
    'trailer',
    'proxy-connection',
    'cookie',
    'origin',
    'referer',
    'sec-fetch-site',
    'idempotency-key',
  ].map((name): [string, Meaning] => [name, 'other']),
]);

type Read =
  | 'authorization'
  | 'x_api_key'
  | 'x_forwarded_for'
  | 'content_type'
  | 'content_length'
  | 'host'
  | 'connection'
  | 'accept';
type Meaning = Read | 'other' | 'nothing';

const meaningOf = byText((name): Meaning => meanings.get(name.toLowerCase()) ?? 'nothing');
/** Whether an address can be made of it. */
const isHost = byText((host) => /^[a-z0-9.-]+(?::\d{1,5})?$/.test(host) && URL.canParse(`http://${host}`), 64);

/** Reads the request that begins at `from`. Never throws. */
export function readPlain(bytes: Buffer, from: number): PlainRead {
  const cut = cutHead(bytes, from);
  if (typeof cut === 'string') return cut;
  const lineTo = cut.text.indexOf('\r\n');
  const line = target.exec(cut.text.slice(0, lineTo));
  if (line === null) return 'other';
  const found = readHeaders(cut.text, lineTo + 2);
  if (found === null || found.host === undefined || !isHost(found.host)) return 'other';
  if (found.connection !== undefined && found.connection.toLowerCase() !== 'keep-alive') return 'other';
  // A browser, which may have to be led to another name of this program.
  if (found.accept?.includes('text/html') === true) return 'other';
  const method = line[1] === 'POST' ? 'POST' : 'GET';
  const { content_length } = found;
  let { end } = cut;
  let body = '';
  if (method === 'POST') {
    if (content_length === undefined || !length.test(content_length)) return 'other';
    const size = Number(content_length);
    if (size > mostBody) return 'other';
    if (bytes.length - end < size) return 'partial';
    body = bytes.toString('utf8', end, end + size);
    end += size;
  } else if (content_length !== undefined) return 'other';
  const { authorization, x_api_key, x_forwarded_for, content_type } = found;
  const path = line[2] ?? '';
  return { method, path, query: line[3] ?? '', authorization, x_api_key, x_forwarded_for, content_type, body, end };
}

/** What the headers say; null when one of them is for the complete parser, or given twice. */
function readHeaders(head: string, from: number): Partial<Record<Read, string>> | null {
  const lines = readLines(head, from);
  if (lines === null) return null;
  const found: Partial<Record<Read, string>> = {};
  for (let index = 0; index < lines.length; index += 2) {
    const meaning = meaningOf(lines[index] ?? '');
    if (meaning === 'other') return null;
    if (meaning === 'nothing') continue;
    if (found[meaning] !== undefined) return null;
    found[meaning] = lines[index + 1] ?? '';
  }
  return found;
}
