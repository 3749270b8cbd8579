/** Bytes of the whole answer at the head of these; null while its head is not whole. */
export function answerLength(bytes: Buffer): number | null {
  const head = bytes.indexOf('\r\n\r\n');
  if (head === -1) return null;
  let at = bytes.indexOf('ontent-Length: ');
  if (at === -1) at = bytes.indexOf('ontent-length: ');
  if (at === -1 || at > head) throw new Error(`an answer without a length: ${bytes.toString('latin1', 0, head)}`);
  return head + 4 + Number.parseInt(bytes.toString('latin1', at + 15, at + 22), 10);
}
