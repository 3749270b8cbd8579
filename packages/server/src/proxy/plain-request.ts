import { cutHead, readLines } from '../http/plain-head.ts';
import { byText } from '../lib/by-text.ts';
import type { Received } from './target.ts';

/**
 * A request that is whole and has one shape, read from the raw bytes: what is not exactly this shape is not refused here but left
 * to the complete parser, so that a request has one meaning, whoever reads it.
 *
 * RFC 9112, narrowed: HTTP/1.1, CRLF, printable ASCII, names of token characters with no space before the colon, no folding, no
 * transfer coding, nothing that is asked of the connection but to be kept, and a body only by one `Content-Length`.
 */
export interface PlainRequest extends Received {
  method: string;
  url: string;
  httpVersion: '1.1';
  body: Buffer | null;
  /** Where the next request begins. */
  end: number;
}

/** Longer bodies are streamed by the complete parser. */
const mostBody = 65_536;
const requestLine = /^(GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS) (\/[\x21-\x7e]*) HTTP\/1\.1$/;
const length = /^(?:0|[1-9]\d{0,5})$/;
type Meaning = 'length' | 'connection' | 'other';
const meanings = new Map<string, Meaning>([
  ['content-length', 'length'],
  ['connection', 'connection'],
  ['transfer-encoding', 'other'],
  ['expect', 'other'],
  ['upgrade', 'other'],
  ['proxy-connection', 'other'],
]);
const meaningOf = byText((name) => meanings.get(name.toLowerCase()) ?? 'header');

/** Reads the request that begins at `from`. Never throws. */
export function readPlainRequest(bytes: Buffer, from: number): PlainRequest | 'other' | 'partial' {
  const head = cutHead(bytes, from);
  if (typeof head === 'string') return head;
  const lineTo = head.text.indexOf('\r\n');
  const line = requestLine.exec(head.text.slice(0, lineTo));
  const rawHeaders = line === null ? null : readLines(head.text, lineTo + 2);
  if (line === null || rawHeaders === null) return 'other';
  const size = bodyOf(rawHeaders);
  if (size === 'other') return 'other';
  const end = head.end + size;
  if (bytes.length < end) return 'partial';
  const body = size === 0 ? null : bytes.subarray(head.end, end);
  return { method: line[1] ?? '', url: line[2] ?? '', httpVersion: '1.1', rawHeaders, body, end };
}

/** Bytes of the body. */
function bodyOf(rawHeaders: readonly string[]): number | 'other' {
  let size = -1;
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const meaning = meaningOf(rawHeaders[index] ?? '');
    if (meaning === 'header') continue;
    const value = rawHeaders[index + 1] ?? '';
    if (meaning === 'length') {
      if (size !== -1 || !length.test(value)) return 'other';
      size = Number(value);
    } else if (meaning === 'other' || value.toLowerCase() !== 'keep-alive') return 'other';
  }
  return size > mostBody ? 'other' : Math.max(0, size);
}
