import type { Currency } from '@farebox/core';
import type { InvoicePreview } from './wire.ts';

/** What the server answers about invoices, as JSON. */

export interface InvoiceLine {
  id: string;
  kind: string;
  description: string;
  quantity: number | null;
  amount_minor: number;
  period_start_at: string | null;
  period_end_at: string | null;
  /** `12,345 × $0.0012 = $14.81`, where units are priced. */
  formula: string | null;
}

/** How much came from where. */
export interface Shares {
  shares: { source: string | null; quantity: number }[];
  others: number;
}

/** `GET /v1/invoices/{id}/lines/{line_id}/explain` */
export interface LineExplanation {
  object: 'invoice_line_explanation';
  currency: Currency;
  words: string;
  parts: { label: string; quantity: number | null; amount_minor: number }[];
  usage: { by_key: Shares; by_endpoint: Shares } | null;
}

/** `GET /v1/invoices/upcoming` */
export interface UpcomingInvoice {
  object: 'upcoming_invoice';
  invoice: InvoicePreview & { due_at: string | null };
  usage: {
    meter_id: string;
    name: string;
    lines: { quantity: number; amount_minor: number; formula: string }[];
    /** What of the lines is not billed, for the spend cap. */
    capped_minor: number;
    /** What they come to at least, and what they lack to it. */
    minimum_minor: number;
    shortfall_minor: number;
  }[];
  /** Over the plan's whole usage. */
  minimum: { amount_minor: number; shortfall_minor: number } | null;
  usage_minor: number;
  estimated_total_minor: number;
}

/** `POST /v1/invoices/{id}/retry` */
export interface InvoicePayment {
  object: 'invoice_payment';
  payment: { state: 'action_required'; url: string | null } | null;
  invoice: Invoice;
}

/** `POST /v1/invoices/{id}/refund` */
export interface CreditNote {
  object: 'credit_note';
  number: string;
  amount_minor: number;
}

export interface Invoice {
  object: 'invoice';
  id: string;
  number: string | null;
  status: string;
  billing_reason: string | null;
  currency: Currency;
  subtotal_minor: number;
  total_minor: number;
  amount_due_minor: number;
  amount_paid_minor: number;
  discount_minor: number;
  tax_minor: number;
  credited_minor: number;
  period_start_at: string | null;
  period_end_at: string | null;
  created_at: string;
  paid_at: string | null;
  hosted_url: string | null;
  has_pdf: boolean;
  lines: InvoiceLine[];
}
