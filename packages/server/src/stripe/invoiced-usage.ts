import type { Instant } from '@farebox/core';
import type Stripe from 'stripe';
import { idOf, meterOfLine } from './translate.ts';
import type { InvoicedUsage } from '../usage/closing/service.ts';

/**
 * What lines at Stripe come to, by the report of usage that they bill; corrections by the report they correct. Of one customer or
 * of all, of lines made from an instant on.
 */
export function createInvoicedUsage(deps: {
  stripe: Stripe;
  installation_id: string;
  findStripeId(customerId: string): Promise<string | null>;
  /** Of corrections, which report they are of. */
  reportsOf(adjustmentIds: readonly string[]): Promise<ReadonlyMap<string, string>>;
  /** Whether any usage of them, or of anybody, is sent to a meter. */
  isMetered(customerId: string | null): Promise<boolean>;
  /** Of usage that a meter counted, which report bills it. */
  reportOfMetered(line: { stripe_subscription_id: string; meter_id: string; end_at: Date }): Promise<string | null>;
}) {
  return async function invoiced(customerId: string | null, since: Instant): Promise<Map<string, InvoicedUsage>> {
    const found = new Map<string, InvoicedUsage>();
    const corrections: [string, number][] = [];
    const customer = customerId === null ? null : await deps.findStripeId(customerId);
    if (customerId !== null && customer === null) return found;
    const created = { gte: Math.floor(since / 1000) };
    const asked = { created, limit: 100, ...(customer === null ? {} : { customer }) };
    for await (const { amount, metadata } of deps.stripe.invoiceItems.list(asked)) {
      if (metadata?.['farebox_installation'] !== deps.installation_id) continue;
      const {
        farebox_usage_report,
        farebox_cap_report,
        farebox_credit_report,
        farebox_minimum_report,
        farebox_usage_adjustment,
      } = metadata;
      const usage = farebox_usage_report ?? farebox_cap_report;
      if (usage !== undefined) of(usage).usage_minor += amount;
      if (farebox_credit_report !== undefined) of(farebox_credit_report).credit_minor += amount;
      if (farebox_minimum_report !== undefined) of(farebox_minimum_report).minimum_minor += amount;
      if (farebox_usage_adjustment !== undefined) corrections.push([farebox_usage_adjustment, amount]);
    }
    const reports = await deps.reportsOf(corrections.map(([id]) => id));
    for (const [id, amount] of corrections) {
      const report = reports.get(id);
      if (report !== undefined) of(report).corrections_minor += amount;
    }
    if (await deps.isMetered(customerId)) await addMetered(asked);
    return found;

    /** Lines that Stripe rated itself; those of a draft are not final. */
    async function addMetered(of_whom: typeof asked): Promise<void> {
      for await (const invoice of deps.stripe.invoices.list(of_whom)) {
        const subscription = invoice.parent?.subscription_details?.subscription;
        if (subscription === undefined || !invoice.lines.data.some((line) => meterOfLine(line) !== null)) continue;
        for await (const line of deps.stripe.invoices.listLineItems(invoice.id, { limit: 100 })) {
          const meter_id = meterOfLine(line);
          if (meter_id === null) continue;
          const end_at = new Date(line.period.end * 1000);
          const stripe_subscription_id = idOf(subscription);
          const report = await deps.reportOfMetered({ stripe_subscription_id, meter_id, end_at });
          if (report === null) continue;
          of(report).metered_minor += line.amount;
          if (invoice.status === 'draft') of(report).is_draft = true;
        }
      }
    }

    function of(reportId: string): InvoicedUsage {
      const known = found.get(reportId) ?? {
        usage_minor: 0,
        minimum_minor: 0,
        credit_minor: 0,
        corrections_minor: 0,
        metered_minor: 0,
        is_draft: false,
      };
      found.set(reportId, known);
      return known;
    }
  };
}
