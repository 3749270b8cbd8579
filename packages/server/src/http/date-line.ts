/** The header `Date`, with its line's end, made once a second. `now` is in milliseconds since 1970. */
export function createDateLine(now: () => number): () => string {
  let line = '';
  let line_at = 0;
  return () => {
    const at = now();
    const second = Math.floor(at / 1000);
    if (second !== line_at) {
      line_at = second;
      line = `Date: ${new Date(at).toUTCString()}\r\n`;
    }
    return line;
  };
}
