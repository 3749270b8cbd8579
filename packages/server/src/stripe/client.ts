import Stripe from 'stripe';

/** The version whose shapes `translate.ts` reads. Pinned: a newer account default must not move a field under us. */
export const stripeApiVersion = '2026-10-28.endive';

/** The only `new Stripe`. With `address` it speaks to a local Stripe on that host and port; every option that could hurt is explicit. */
export function createStripe(options: { secret_key: string; address: { host: string; port: number } | null }): Stripe {
  return new Stripe(options.secret_key, {
    apiVersion: stripeApiVersion,
    maxNetworkRetries: 2,
    timeout: 20_000,
    telemetry: false,
    appInfo: { name: 'Farebox' },
    ...(options.address === null ? {} : { host: options.address.host, port: options.address.port, protocol: 'http' }),
  });
}

/** Metadata that names us on every object we make: nothing else is adopted. */
export function ownMetadata(installationId: string, more: Record<string, string> = {}): Record<string, string> {
  return { farebox_installation: installationId, ...more };
}
