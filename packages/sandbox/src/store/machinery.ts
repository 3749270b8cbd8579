import type { JsonObject } from '../contract/json.ts';
import type { MeterErrorCode } from './usage-records.ts';
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
  /** The secret before the last roll; it signs too until then, on the sandbox's clock. */
  old_secret: { secret: string; expires_at_ms: number } | null;
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

export type JobKind =
  | 'cycle'
  | 'upcoming'
  | 'finalize'
  | 'retry'
  | 'cancel'
  | 'expire_incomplete'
  | 'expire_grant'
  | 'expire_session'
  | 'meter_report'
  | 'end_discount'
  | 'overdue'
  | 'pending_items'
  | 'threshold'
  | 'will_be_due'
  | 'expire_resumption'
  | 'expire_pending_update'
  | 'resume_collection'
  | 'trial_will_end'
  | 'enter_phase'
  | 'schedule_expiring'
  | 'planned_pause'
  | 'planned_resume'
  | 'delete_clock'
  | 'dispute_due'
  | 'expire_authorization'
  | 'settle_refund';

export interface JobRecord {
  id: string;
  /** On the clock it belongs to. */
  at_ms: number;
  /** The test clock whose time it waits for; `null` is the sandbox's own. */
  clock: string | null;
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
  should_retry?: boolean;
  status: number;
}

export interface TestClockRecord {
  id: string;
  created: Seconds;
  deletes_after: Seconds;
  /** Moves from one piece of due work to the next while the clock advances. */
  frozen_ms: number;
  name: string | null;
  status: 'ready' | 'advancing' | 'internal_failure';
  target_ms: number | null;
}

/** What a fault does. */
export type FaultType =
  | 'decline'
  | 'rate_limit'
  | 'server_error'
  | 'lock_timeout'
  | 'timeout'
  | 'disconnect'
  | 'meter_error';

/** A fault that was asked for: what it does, to which requests or charges, and how often. */
export interface FaultRecord {
  id: string;
  type: FaultType;
  /** `POST /v1/customers/{id}`, or the beginning of one: `/v1/invoices`, `POST`. `null` is every request. */
  route: string | null;
  /** For declines: a test card's number, its last four digits or its literal. `null` is every card. */
  card: string | null;
  /** Of a decline; the code Stripe gives with `card_declined`. */
  decline_code: string;
  /** Why meter events are rejected after they were taken. */
  meter_code: MeterErrorCode;
  /** Before the request runs, or after its effects and its answer are kept. */
  when: 'before' | 'after';
  /** How often it still strikes; `null` until it is cleared. */
  times: number | null;
  /** The chance that it strikes a request that it fits, by the seed. */
  probability: number;
  /** `Stripe-Rate-Limited-Reason` of a 429. */
  reason: string;
  /** The `Stripe-Should-Retry` header; `null` leaves it out. */
  should_retry: boolean | null;
  /** How long a timeout holds the request before the connection is cut. */
  hold_ms: number;
  seen: number;
  struck: number;
}

/** What happens to deliveries, each with its probability from 0 to 1, rolled by the seed. */
export interface Chaos {
  duplicate: number;
  /** A delivery changes its place among the events of one commit. */
  reorder: number;
  delay: number;
  delay_ms: number;
  drop: number;
  /** A body is cut in the middle; its signature is that of the whole. */
  truncate: number;
  /** Bodies are written as for this version, and stamped with it. */
  api_version: string | null;
}

/** When a failed payment is tried again, and what becomes of the subscription when all fail. */
export interface DunningPolicy {
  /** Days after the attempt before. */
  schedule_days: number[];
  after_all_fail: 'cancel' | 'past_due' | 'paused' | 'unpaid';
}

export type WebhookPolicy = 'deliver' | 'twice' | 'hold' | 'drop';

/** The one record of kind `setting`: what the sandbox itself remembers. */
export interface SettingRecord {
  id: 'sandbox';
  /** Sandbox time minus machine time. */
  offset_ms: number;
  /** Where the clock stands while it is frozen. */
  frozen_at_ms: number | null;
  chaos: Chaos | null;
  /** How unpaid invoices are collected; `null` is the default. */
  dunning: DunningPolicy | null;
  /** How long before a period ends its next invoice is told of; nothing is told unless said. */
  upcoming_days?: number;
  next_id: number;
  next_job: number;
  policy: WebhookPolicy;
  seed: string;
}
