/** Where a served candidate is reached. */
export interface Served {
  port: number;
  secret_key: string;
}

/** Tells the bench where this process serves, and from then on, whenever it asks, how much of the processor it has used (µs). */
export function reportTo(served: Served): void {
  process.on('message', () => {
    const { user, system } = process.cpuUsage();
    process.send?.({ cpu_us: user + system });
  });
  process.send?.(served);
}
