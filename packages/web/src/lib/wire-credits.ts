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
  grants: number;
  expires_next: { at: string; amount_minor: number } | null;
}

/** One of `GET /v1/customers/{id}/ledger`. */
export interface CreditEntry {
  id: string;
  grant_id: string;
  grant_name: string;
  kind: 'granted' | 'drawn' | 'returned' | 'voided' | 'expired';
  amount_minor: number;
  currency: Currency;
  usage_report_id: string | null;
  created_at: string;
}
