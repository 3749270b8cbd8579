import { invalid } from '../http/api-error.ts';
import { flag, type Param, shape } from '../http/params.ts';
import type { Tx } from '../store/store.ts';
import type { Address, CustomerRecord } from '../store/records.ts';
import { self } from './refusals.ts';

/**
 * Automatic tax as an account without registrations has it: Stripe wants to know where the customer is, and then collects
 * nothing (https://docs.stripe.com/tax/customer-locations). What a tax comes to is for tax rates to say.
 */

const table = shape({ enabled: flag(), liability: self });

/** Whether it is wanted. */
export const automaticTax: Param<boolean> = {
  inner: table,
  read: (value, path) => table.read(value, path).enabled ?? false,
};

/** Countries whose taxes differ from place to place; the country alone says too little. */
const needs_postal_code: ReadonlySet<string> = new Set(['US', 'CA']);

function isLocation(address: Address | null | undefined): boolean {
  if (address == null || address.country === null) return false;
  return !needs_postal_code.has(address.country) || address.postal_code !== null;
}

/** Whether taxes could be computed for the customer, from the first address there is. */
export function hasTaxLocation(customer: Pick<CustomerRecord, 'address' | 'shipping'>): boolean {
  return isLocation(customer.shipping?.address ?? customer.address);
}

/** Refuses what is to compute taxes for somebody who is nowhere. */
export function checkTaxLocation(tx: Tx, wanted: boolean | undefined, customer: string): void {
  if (wanted !== true || hasTaxLocation(tx.need('customer', customer))) return;
  throw invalid(
    "The customer's location isn't recognized. Set a valid customer address in order to automatically calculate tax.",
    { code: 'customer_tax_location_invalid' },
  );
}

/** What a record keeps of it. */
export interface AutomaticTax<Reason extends string> {
  enabled: boolean;
  /** Why Stripe turned it off. */
  disabled_reason: Reason | null;
}

/** As answers show it. */
export function renderAutomaticTax<Reason extends string>(
  tax: AutomaticTax<Reason> | undefined,
): { disabled_reason: Reason | null; enabled: boolean; liability: { type: 'self' } | null } {
  const { enabled, disabled_reason } = tax ?? { enabled: false, disabled_reason: null };
  return { disabled_reason, enabled, liability: enabled ? { type: 'self' } : null };
}
