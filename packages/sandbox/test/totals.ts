import type Stripe from 'stripe';
import { expect } from 'vitest';

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0);
}

/** The totals of every invoice, the payments it got, and every customer's ledger. */
export async function addsUp(stripe: Stripe): Promise<void> {
  const invoices = await stripe.invoices
    .list({ limit: 100, expand: ['data.payments'] })
    .autoPagingToArray({ limit: 1_000 });
  for (const invoice of invoices) {
    const lines = invoice.lines.has_more
      ? await stripe.invoices.listLineItems(invoice.id, { limit: 100 }).autoPagingToArray({ limit: 1_000 })
      : invoice.lines.data;
    expect(
      Object.values(invoice)
        .filter((each) => typeof each === 'number')
        .every(Number.isSafeInteger),
    ).toBe(true);
    expect(invoice.subtotal).toBe(sum(lines.map((line) => line.amount)));
    const discounts = sum((invoice.total_discount_amounts ?? []).map((each) => each.amount));
    expect(sum(lines.flatMap((line) => line.discount_amounts ?? []).map((each) => each.amount))).toBe(discounts);
    const taxes = invoice.total_taxes ?? [];
    expect(sum(lines.flatMap((line) => line.taxes ?? []).map((each) => each.amount))).toBe(
      sum(taxes.map((each) => each.amount)),
    );
    const exclusive = sum(taxes.filter((each) => each.tax_behavior === 'exclusive').map((each) => each.amount));
    const granted = (invoice.total_pretax_credit_amounts ?? []).filter((each) => each.type !== 'discount');
    expect(invoice.total).toBe(invoice.subtotal - discounts - sum(granted.map((each) => each.amount)) + exclusive);
    expect(invoice.total_excluding_tax).toBe(invoice.total - sum(taxes.map((each) => each.amount)));
    if (invoice.status === 'draft') continue;
    const applied = (invoice.ending_balance ?? 0) - invoice.starting_balance;
    expect(invoice.amount_due + applied + invoice.pre_payment_credit_notes_amount).toBe(invoice.total);
    if (invoice.status !== 'void') expect(invoice.amount_remaining).toBe(invoice.amount_due - invoice.amount_paid);
    const paid = (invoice.payments?.data ?? []).filter((each) => each.status === 'paid');
    const came = sum(paid.map((each) => each.amount_paid ?? 0)) + (invoice.amount_paid_off_stripe ?? 0);
    expect(came).toBe(invoice.amount_paid + invoice.amount_overpaid);
  }
  for await (const customer of stripe.customers.list({ limit: 100 })) {
    const ledger = await stripe.customers.listBalanceTransactions(customer.id, { limit: 100 });
    expect(customer.balance).toBe(sum(ledger.data.map((each) => each.amount)));
  }
}
