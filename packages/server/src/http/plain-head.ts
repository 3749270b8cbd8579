import { byText } from '../lib/by-text.ts';

/** Bytes of a head that is read here. */
const mostHead = 8192;
const headEnd = Buffer.from('\r\n\r\n');
/** What no plain head has: a character that is not printable ASCII, or half a line break. */
const unprintable = /[^\x20-\x7e\r\n]|\r(?!\n)|[^\r]\n/;
const token = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
/** The one string that stands for all of a spelling, so that what is asked about it later is found at once; null: no name. */
const nameOf = byText((name) => (token.test(name) ? name : null));

/** A head whose lines all end with CRLF, the last one's included, and where what follows it begins. */
export interface PlainHead {
  text: string;
  end: number;
}

/** Cuts a head of printable ASCII that begins at `from`. `other`: for the complete parser. `partial`: bytes are missing. */
export function cutHead(bytes: Buffer, from: number): PlainHead | 'other' | 'partial' {
  const to = bytes.indexOf(headEnd, from);
  if (to === -1) return bytes.length - from > mostHead ? 'other' : 'partial';
  if (to - from > mostHead) return 'other';
  const text = bytes.toString('latin1', from, to + 2);
  return unprintable.test(text) ? 'other' : { text, end: to + 4 };
}

/**
 * The header lines of a plain head from `from` on; names and values alternate, in the spelling they came in. Null where a line has
 * no colon right behind a name, as one that is folded.
 */
export function readLines(text: string, from: number): string[] | null {
  const lines: string[] = [];
  for (let at = from; at < text.length;) {
    const to = text.indexOf('\r\n', at);
    const colon = text.indexOf(':', at);
    if (colon === -1 || colon > to) return null;
    const name = nameOf(text.slice(at, colon));
    if (name === null) return null;
    lines.push(name, valueOf(text, colon + 1, to));
    at = to + 2;
  }
  return lines;
}

const space = 0x20;

/** Without the spaces around it; there are no tabs in a plain head. */
function valueOf(text: string, from: number, to: number): string {
  let [first, last] = [from, to];
  while (first < last && text.charCodeAt(first) === space) first += 1;
  while (last > first && text.charCodeAt(last - 1) === space) last -= 1;
  return text.slice(first, last);
}
