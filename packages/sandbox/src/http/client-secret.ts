import type { Tx } from '../store/store.ts';
import { invalidParam } from './api-error.ts';
import type { FormHash } from './form.ts';

/** Refuses a secret that is another intent's. */
export function matchSecret(intent: { client_secret: string }, given: string | undefined): void {
  if (given === undefined || given === intent.client_secret) return;
  throw invalidParam('The client_secret provided does not match the client_secret of this intent.', 'client_secret');
}

/**
 * A browser proves with its client secret that an intent was handed to it. The secret is taken out of the parameters: the
 * types of the server's SDK do not have it everywhere.
 */
export function proveClientSecret(tx: Tx, route: string, id: string, hash: FormHash): void {
  const intent = route.includes('/payment_intents/')
    ? tx.get('payment_intent', id)
    : route.includes('/setup_intents/')
      ? tx.get('setup_intent', id)
      : undefined;
  if (intent === undefined) return;
  const given = hash['client_secret'];
  if (route.startsWith('POST')) delete hash['client_secret'];
  matchSecret(intent, typeof given === 'string' ? given : '');
}
