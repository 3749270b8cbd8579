import type { JsonObject } from '../contract/wire.ts';
import type { Metadata, Seconds } from './records.ts';

export interface EventRecord {
  id: string;
  created: Seconds;
  idempotency_key: string | null;
  object: JsonObject;
  previous_attributes: JsonObject | null;
  request_id: string | null;
  type: string;
}

export interface WebhookEndpointRecord {
  id: string;
  created: Seconds;
  api_version: string | null;
  description: string | null;
  enabled_events: string[];
  metadata: Metadata;
  secret: string;
  status: 'enabled' | 'disabled';
  url: string;
}

export type DeliveryState = 'pending' | 'held' | 'delivered' | 'failed' | 'dropped';

export interface DeliveryRecord {
  id: string;
  attempts: { at_ms: number; status: number | null; error: string | null }[];
  endpoint: string;
  event: string;
  /** On the machine's clock. */
  next_at_ms: number | null;
  state: DeliveryState;
}

export type JobKind = 'cycle' | 'finalize' | 'retry' | 'cancel' | 'expire_incomplete' | 'expire_session';

export interface JobRecord {
  id: string;
  /** On the sandbox's clock. */
  at_ms: number;
  kind: JobKind;
  object_id: string;
  seq: number;
}

export interface IdempotencyRecord {
  id: string;
  body: string;
  expires_at_ms: number;
  fingerprint: string;
  request_id: string;
  status: number;
}

export type WebhookPolicy = 'deliver' | 'twice' | 'hold' | 'drop';

/** The one record of kind `setting`: what the sandbox itself remembers. */
export interface SettingRecord {
  id: 'sandbox';
  /** Sandbox time minus machine time. */
  offset_ms: number;
  /** Where the clock stands while it is frozen. */
  frozen_at_ms: number | null;
  next_id: number;
  next_job: number;
  policy: WebhookPolicy;
  seed: string;
}
