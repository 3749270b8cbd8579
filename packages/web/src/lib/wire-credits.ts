import type { Currency } from '@farebox/core';

/** One of `GET /v1/customers/{id}/grants`. */
export interface CreditGrant {
  id: string;
  name: string;
  state: 'scheduled' | 'active' | 'used_up' | 'expired' | 'voided';
  amount_minor: number;
  remaining_minor: number;
  currency: Currency;
  category: 'paid' | 'promotional';
  priority: number;
  meters: string[] | null;
  effective_at: string;
  expires_at: string | null;
  voided_at: string | null;
  created_at: string;
}

/** `GET /v1/customers/{id}/credits` */
export interface CreditBalance {
  currency: Currency;
  balance_minor: number;
  running_minor: number;
  available_minor: number;
  /** Held for work that goes on. */
  held_minor: number;
  grants: number;
  expires_next: { at: string; amount_minor: number } | null;
}

/** One of `GET /v1/customers/{id}/reservations`. */
export interface Reservation {
  id: string;
  state: 'held' | 'settled' | 'expired';
  held_minor: number;
  currency: Currency;
  description: string | null;
  expires_at: string;
  created_at: string;
}

/** One of `GET /v1/customers/{id}/ledger`. */
export interface CreditEntry {
  id: string;
  grant_id: string;
  grant_name: string;
  kind: 'granted' | 'drawn' | 'returned' | 'voided' | 'refunded' | 'reinstated' | 'held' | 'released' | 'expired';
  amount_minor: number;
  currency: Currency;
  usage_report_id: string | null;
  created_at: string;
}

/** What credit customers may buy at once, of `GET /v1/seller`. */
export interface TopUpTerms {
  packs_minor: number[];
  minimum_minor: number;
  maximum_minor: number;
  expires_after_days: number | null;
}

/** `GET /v1/customers/{id}/top_ups/{top_up_id}` */
export interface TopUp {
  id: string;
  kind: 'checkout' | 'automatic';
  state: 'open' | 'paid' | 'failed' | 'expired';
  amount_minor: number;
  currency: Currency;
  url: string | null;
  failure_reason: string | null;
}

/** `GET /v1/customers/{id}/auto_top_up` */
export interface AutoTopUp {
  currency: Currency;
  state: 'off' | 'on' | 'buying' | 'waiting' | 'limit_reached' | 'paused';
  threshold_minor: number | null;
  amount_minor: number | null;
  monthly_limit_minor: number | null;
  month_minor: number;
  retry_at: string | null;
  pause_reason: 'declined' | 'authentication_required' | 'no_card' | 'refused' | 'payment_returned' | null;
}
