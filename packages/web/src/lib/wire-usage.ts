import type { Currency } from '@farebox/core';

/** One of `GET /v1/usage/events`. */
export interface UsageEvent {
  id: string;
  type: string;
  source: string;
  customer_id: string;
  quantity: number;
  properties: Record<string, string | number | boolean>;
  occurred_at: string;
  counted_at: string;
  received_at: string;
  meters: { meter_id: string; amount: string | null; reason: string | null }[];
  corrections: { id: string; kind: 'void' | 'correct'; reason: string; actor: string; created_at: string }[];
}

/** One of `GET /v1/usage/rejections`: what came and was not taken. */
export interface UsageRejection {
  id: string;
  event_id: string | null;
  code: string;
  reason: string;
  received_at: string;
}

/** One of `GET /v1/meters`. */
export interface Meter {
  id: string;
  name: string;
  unit: string;
  aggregation: 'count' | 'sum' | 'max' | 'last' | 'unique' | 'average';
  group_by?: string[];
}

/** `GET /v1/usage`, told apart by a dimension or not. */
export interface MeterSeries {
  meter_id: string;
  name: string;
  unit: string;
  aggregation: Meter['aggregation'];
  window: 'hour' | 'day' | 'week' | 'month';
  time_zone: string;
  end_at: string;
  quantity: number;
  data: { start_at: string; quantity: number }[];
  group_by: string | null;
  groups: { value: string; quantity: number; data: { start_at: string; quantity: number }[] }[];
  more_groups: number;
}

/** What `POST /v1/usage/events/{id}/void` and `POST /v1/usage/corrections` answer. */
export interface UsageCorrection {
  id: string;
  kind: 'void' | 'correct';
  adjustments: { line_minor: number; credited_minor: number; currency: Currency }[];
}

/** `GET /v1/customers/{id}/spend_cap` */
export interface SpendCap {
  customer_id: string;
  currency: Currency;
  customer_minor: number | null;
  seller_minor: number | null;
  in_force: { owner: 'customer' | 'seller'; amount_minor: number } | null;
  months: { month: string; spent_minor: number; remaining_minor: number }[];
}

/** `GET /v1/customers/{id}/usage_alerts` */
export interface UsageAlertSettings {
  customer_id: string;
  percents: number[] | null;
  in_force: number[];
}

/** `GET /v1/usage/closing_report` */
export interface ClosingReport {
  checked: number;
  balanced: number;
  totals: { currency: Currency; billed_minor: number; invoiced_minor: number }[];
  periods: {
    usage_report_id: string;
    customer_id: string;
    meter_id: string;
    period_end_at: string;
    counter: number | null;
    events: number | null;
    rolled_up: number;
    quantity: number;
    currency: Currency;
    amount_minor: number;
    invoiced_minor: number;
    faults: { code: string; detail: string }[];
  }[];
  more: number;
}

/** `GET /v1/answers` */
export interface Answers {
  from: string;
  to: string;
  /** The busiest endpoints first. Latencies in milliseconds; of a percentile the bound it is under, null: over every bound. */
  data: {
    /** Empty where the seller's document does not know the path. */
    endpoint: string;
    status: number;
    answers: number;
    latency_ms: { average: number; p50: number | null; p95: number | null; p99: number | null };
  }[];
}
