import type { Instant, MeteredEvent, PropertyValue } from '@farebox/core';

/** One thing that happened, as somebody sent it, after everything that can be said of it alone was found right. */
export interface SentEvent extends MeteredEvent {
  /** The idempotency key: with the type and the source it names one event of the customer. */
  id: string;
  source: string;
  /** Whom it names: by Farebox's id, by the seller's own, or by either. */
  customer: { by: 'id' | 'external_id' | 'either'; name: string };
  /** Whether it said when it occurred; else it is when it came. */
  is_dated: boolean;
}

/** An event that is being written: whose it is, and what each meter made of it. */
export interface StoredEvent extends MeteredEvent {
  id: string;
  source: string;
  customer_id: string;
  is_dated: boolean;
  /** Where it counts. */
  counted_at: Instant;
  /** By meter the amount, as `measure` found it. */
  counted: Record<string, string>;
}

/** What the gate says of a request that it let through. `id` is the request's. */
export interface UsageRecord {
  id: string;
  customer_id: string;
  meter_id: string;
  quantity: number;
  occurred_at: Instant;
  key_id: string | null;
  /** The route's pattern, empty when unknown. Not the path: every different value is a row an hour. */
  endpoint: string;
}

/** Why an event was not taken. */
export type RejectionCode = 'invalid_event' | 'customer_not_found' | 'unknown_type' | 'too_old' | 'in_future';

export interface Rejection {
  code: RejectionCode;
  reason: string;
}

export type Properties = Record<string, PropertyValue>;

export const mostQuantity = 1_000_000_000;
