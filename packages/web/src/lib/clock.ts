/** The browser's time, in epoch milliseconds. The only reader of it; what is shown goes by the server's (`useNow`). */
export function machineNow(): number {
  return Date.now();
}
