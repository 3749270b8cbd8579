import { useMutation, useQueryClient } from '@tanstack/react-query';
import { patch, post, remove } from '../../lib/http.ts';
import { usePages } from '../../lib/pages.ts';

const endpoints = '/v1/webhook_endpoints';
const deliveries = '/v1/webhook_deliveries';
const events = '/v1/events';
const of = (id: string) => `${endpoints}/${encodeURIComponent(id)}`;

/** `GET /v1/webhook_endpoints/{id}` */
export interface WebhookEndpoint {
  id: string;
  /** Null: the seller's own. */
  customer_id: string | null;
  url: string;
  description: string;
  event_types: string[];
  status: 'enabled' | 'disabled';
  disabled_reason: 'by_hand' | 'failing' | 'gone' | null;
  failing_since_at: string | null;
  former_until_at: string | null;
}

export interface EndpointWithSecret extends WebhookEndpoint {
  secret: string;
}

export type DeliveryState = 'pending' | 'sending' | 'succeeded' | 'failed';

/** `GET /v1/webhook_deliveries` */
export interface Delivery {
  id: string;
  endpoint_id: string;
  event_id: string;
  event_type: string;
  state: DeliveryState;
  attempts: number;
  next_attempt_at: string | null;
  last_attempt_at: string | null;
  status: number | null;
  answer: string | null;
  failure: string | null;
  duration_ms: number | null;
  created_at: string;
}

/** `GET /v1/events/{id}` */
export interface WebhookEvent {
  id: string;
  type: string;
  created: string;
  data: { object: { object?: string; id?: string }; previous_attributes: object | null };
}

export interface EndpointWish {
  url?: string;
  description?: string;
  event_types?: string[];
  enabled?: boolean;
}

/** Whose are looked at: an operator sees the seller's own, a customer its own. */
export type Owner = 'seller' | 'customer';

export function useEndpoints(owner: Owner) {
  return usePages<WebhookEndpoint>(endpoints, { owner, limit: 50 }, { refetch_ms: 30_000 });
}

export function useDeliveries(filter: { state: DeliveryState | 'all'; endpoint_id: string }) {
  const { state, endpoint_id } = filter;
  const query = { state: state === 'all' ? undefined : state, endpoint_id };
  return usePages<Delivery>(deliveries, query, { refetch_ms: 5000 });
}

export function useWebhookEvents(type: string) {
  return usePages<WebhookEvent>(events, { type }, { refetch_ms: 10_000 });
}

export function useCreateEndpoint() {
  const changed = useChanged();
  return useMutation({
    mutationFn: (wish: EndpointWish) => post<EndpointWithSecret>(endpoints, wish),
    onSuccess: changed,
  });
}

export function useUpdateEndpoint() {
  const changed = useChanged();
  return useMutation({
    mutationFn: ({ id, wish }: { id: string; wish: EndpointWish }) => patch<WebhookEndpoint>(of(id), wish),
    onSuccess: changed,
  });
}

export function useDeleteEndpoint() {
  const changed = useChanged();
  return useMutation({ mutationFn: (id: string) => remove(of(id)), onSuccess: changed });
}

export function useTestEndpoint() {
  const changed = useChanged();
  return useMutation({ mutationFn: (id: string) => post<Delivery>(`${of(id)}/test`), onSuccess: changed });
}

export function useRotateSecret() {
  const changed = useChanged();
  return useMutation({
    mutationFn: ({ id, overlap_seconds }: { id: string; overlap_seconds: number }) =>
      post<EndpointWithSecret>(`${of(id)}/rotate_secret`, { overlap_seconds }),
    onSuccess: changed,
  });
}

export function useRetryDelivery() {
  const changed = useChanged();
  return useMutation({
    mutationFn: (id: string) => post<Delivery>(`${deliveries}/${encodeURIComponent(id)}/retry`),
    onSuccess: changed,
  });
}

function useChanged(): () => Promise<unknown> {
  const queries = useQueryClient();
  return () =>
    Promise.all([endpoints, deliveries, events].map((path) => queries.invalidateQueries({ queryKey: [path] })));
}
