/** The machine's clock, in milliseconds since 1970. The only reader of it. */
export function systemNow(): number {
  return Date.now();
}
