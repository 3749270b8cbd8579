import type { AlertCode, Currency, DunningStep } from '@farebox/core';
import type { Subscription } from './wire.ts';

/** What the server answers about how things stand: of a customer, and of what is here against Stripe. */

/** Where a payment that is owed stands, and everything that happens while nothing is paid. */
export interface Dunning {
  /** Whose subscription owes. */
  group: string;
  step: DunningStep;
  rate_percent: number;
  since_at: string;
  steps: { step: DunningStep; rate_percent: number; at: string }[];
}

export interface CustomerAlert {
  code: AlertCode;
  group: string;
  detail: string;
  at: string | null;
  meter_id: string | null;
}

/** `GET /v1/customers/{id}/state` */
export interface CustomerState {
  object: 'customer_state';
  subscriptions: Pick<Subscription, 'group' | 'plan_name'>[];
  access: 'granted' | 'past_due' | 'inactive';
  dunning: Dunning | null;
  owed: { currency: Currency; amount_minor: number; action_required: boolean }[];
  alerts: CustomerAlert[];
}

/** One thing that differs between here and Stripe (operators) */
export interface Divergence {
  kind: string;
  customer_id: string | null;
  object_id: string;
  detail: string;
  repair: string | null;
  repaired: boolean;
}

/** One of `GET /v1/admin/reconciliation/runs`; `POST …/run` answers the same without the times. */
export interface ReconciliationRun {
  id: string;
  started_at: string;
  finished_at: string;
  checked: number;
  found: Divergence[];
}
