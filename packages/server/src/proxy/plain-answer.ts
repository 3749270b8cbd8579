import { cutHead, readLines } from '../http/plain-head.ts';
import { byText } from '../lib/by-text.ts';

/** The head of an answer that says how long it is. Every other shape is for the complete parser. */
export interface PlainAnswer {
  status: number;
  reason: string;
  /** Names and values alternate. */
  rawHeaders: string[];
  /** Bytes of the body that follow. */
  length: number;
  /** How long the connection may be used again, in milliseconds; 0: not at all. */
  keeps_ms: number;
  /** Where the body begins. */
  end: number;
}

const statusLine = /^HTTP\/1\.1 ([2-5]\d\d)(?: (.*))?$/;
const length = /^\d{1,15}$/;
const keeps = /(?:^|,)\s*timeout=(\d{1,9})/i;
/** Before the API closes a connection it is not used again: what is sent at that moment is lost. */
const marginMs = 1000;
type Meaning = 'length' | 'connection' | 'keeps' | 'other';
const meanings = new Map<string, Meaning>([
  ['content-length', 'length'],
  ['connection', 'connection'],
  ['keep-alive', 'keeps'],
  ['transfer-encoding', 'other'],
  ['upgrade', 'other'],
  ['proxy-connection', 'other'],
]);
const meaningOf = byText((name) => meanings.get(name.toLowerCase()) ?? 'header');

/** Reads the answer to a request by `method` at the head of these bytes. Never throws. */
export function readPlainAnswer(bytes: Buffer, method: string): PlainAnswer | 'other' | 'partial' {
  const head = cutHead(bytes, 0);
  if (typeof head === 'string') return head;
  const lineTo = head.text.indexOf('\r\n');
  const line = statusLine.exec(head.text.slice(0, lineTo));
  const rawHeaders = line === null ? null : readLines(head.text, lineTo + 2);
  if (line === null || rawHeaders === null) return 'other';
  const [, code, reason = ''] = line;
  const status = Number(code);
  let said = -1;
  let keeps_ms = Infinity;
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const meaning = meaningOf(rawHeaders[index] ?? '');
    if (meaning === 'header') continue;
    const value = rawHeaders[index + 1] ?? '';
    if (meaning === 'length') {
      if (said !== -1 || !length.test(value)) return 'other';
      said = Number(value);
    } else if (meaning === 'keeps') {
      const seconds = keeps.exec(value)?.[1];
      if (seconds !== undefined) keeps_ms = Math.min(keeps_ms, Math.max(0, Number(seconds) * 1000 - marginMs));
    } else if (meaning === 'connection' && /^close$/i.test(value)) keeps_ms = 0;
    else if (meaning === 'other' || !/^keep-alive$/i.test(value)) return 'other';
  }
  const isBodiless = method === 'HEAD' || status === 204 || status === 304;
  // Without a length it ends with the connection; a 204 that has one is understood in two ways.
  if (isBodiless ? status === 204 && said > 0 : said === -1) return 'other';
  return { status, reason, rawHeaders, length: isBodiless ? 0 : said, keeps_ms, end: head.end };
}
