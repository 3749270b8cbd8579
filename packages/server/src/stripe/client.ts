import Stripe from 'stripe';
import { type Pace, type Send, createTransport, machinePace, tryTimeout_ms } from './transport.ts';

/** The version whose shapes `translate.ts` reads. Pinned: a newer account default must not move a field under us. */
export const stripeApiVersion = '2026-10-28.endive';

/**
 * The only `new Stripe`. With `address` it speaks to a local Stripe on that host and port; every option that could hurt is
 * explicit. Retries are the transport's, which knows of outages; the SDK makes none of its own.
 */
export function createStripe(options: {
  secret_key: string;
  address: { host: string; port: number } | null;
  /** In place of the network. */
  send?: Send;
  pace?: Pace;
}): Stripe {
  const { send = (url, init) => fetch(url, init), pace = machinePace, address } = options;
  const transport = createTransport({ send, ...pace });
  return new Stripe(options.secret_key, {
    apiVersion: stripeApiVersion,
    maxNetworkRetries: 0,
    timeout: 2 * tryTimeout_ms,
    telemetry: false,
    appInfo: { name: 'Farebox' },
    httpClient: Stripe.createFetchHttpClient((input, init) => transport(urlOf(input), init ?? {})),
    ...(address === null ? {} : { host: address.host, port: address.port, protocol: 'http' }),
  });
}

function urlOf(input: string | URL | Request): string {
  return typeof input === 'object' && 'url' in input ? input.url : String(input);
}

/** Metadata that names us on every object we make: nothing else is adopted. */
export function ownMetadata(installationId: string, more: Record<string, string> = {}): Record<string, string> {
  return { farebox_installation: installationId, ...more };
}
