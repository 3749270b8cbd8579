import { everyEventType, webhookEventTypes } from '@farebox/core';
import type { Tone } from '../../ui/Status.tsx';
import type { Delivery, DeliveryState, Owner, WebhookEndpoint } from './api.ts';

/** Types that concern nobody but the seller. */
const sellerOnly = ['plan', 'migration', 'reconciliation'];
/** Of these an endpoint hears whatever it listens to: a test goes where it was asked for. */
const notChosen = ['webhook_endpoint.test'];

export interface TypeGroup {
  /** `subscription` */
  resource: string;
  /** `Subscription` */
  label: string;
  types: { type: string; label: string }[];
}

/** What can be chosen, by what it happens to. */
export function typeGroups(owner: Owner): TypeGroup[] {
  const chosen = webhookEventTypes.filter((type) => !notChosen.includes(type));
  return [...Map.groupBy(chosen, (type) => type.split('.')[0] ?? '')]
    .filter(([resource]) => owner === 'seller' || !sellerOnly.includes(resource))
    .map(([resource, types]) => ({
      resource,
      label: resource === 'api_key' ? 'API key' : sentence(resource),
      types: types.map((type) => ({ type, label: sentence(type.slice(resource.length + 1)) })),
    }));
}

/** `cancel_scheduled` → `Cancel scheduled` */
function sentence(name: string): string {
  const words = name.replaceAll('_', ' ');
  return `${words.charAt(0).toUpperCase()}${words.slice(1)}`;
}

/** `Everything`, `invoice.paid`, `4 types` */
export function typesText(types: readonly string[]): string {
  if (types.includes(everyEventType)) return 'Everything';
  return types.length <= 2 ? types.join(', ') : `${types.length} types`;
}

export function endpointStatus(endpoint: WebhookEndpoint): { tone: Tone; text: string } {
  if (endpoint.status === 'disabled')
    return { tone: 'bad', text: endpoint.disabled_reason === 'by_hand' ? 'Off' : 'Switched off' };
  return endpoint.failing_since_at === null ? { tone: 'good', text: 'On' } : { tone: 'warn', text: 'Failing' };
}

/** Why it is off or about to be; null while all is well. */
export function endpointTrouble(endpoint: WebhookEndpoint): string | null {
  if (endpoint.disabled_reason === 'failing') return 'It took nothing for five days.';
  if (endpoint.disabled_reason === 'gone') return 'It answered 410 Gone.';
  return null;
}

export const deliveryTones: Record<DeliveryState, Tone> = {
  pending: 'warn',
  sending: 'brand',
  succeeded: 'good',
  failed: 'bad',
};

export const deliveryWords: Record<DeliveryState, string> = {
  pending: 'Waits',
  sending: 'Sending',
  succeeded: 'Taken',
  failed: 'Failed',
};

/** `Answered 200 in 35 ms`, `Nothing listens there.` */
export function outcomeText({ status, failure, duration_ms, state }: Delivery): string {
  if (state === 'sending') return 'It is being sent.';
  if (status === null) return failure ?? 'It was not sent yet.';
  return `Answered ${status}${duration_ms === null ? '' : ` in ${duration_ms} ms`}`;
}

export const overlapChoices = [
  { value: '86400', label: 'A day' },
  { value: '3600', label: 'An hour' },
  { value: '604800', label: 'A week' },
  { value: '0', label: 'Not at all: it stops now' },
];
