import Stripe from 'stripe';
import { type RatedLine, formatDecimal } from '@farebox/core';
import type { CheckoutIntent, Payments } from '../ports.ts';
import { Problem } from '../problem.ts';
import type { UsageReport } from '../usage/report.ts';
import { ownMetadata } from './client.ts';
import { translateCheckoutState } from './translate.ts';

/**
 * `Payments` over Stripe's API. Idempotency keys are pure functions of the intent (its row's id), so that a repeat after a
 * timeout finds what the first try made. Keys live at least 24 hours (docs.stripe.com/api/idempotent_requests).
 */
export function createPayments(deps: {
  stripe: Stripe;
  installation_id: string;
  syncCustomer(customerId: string): Promise<void>;
  findStripeId(customerId: string): Promise<string | null>;
  /** How many customers at Stripe this one had that were deleted there: an old key would answer with a deleted one. */
  countGone(customerId: string): Promise<number>;
}): Payments {
  const { stripe, installation_id } = deps;
  return {
    async ensureCustomer(customer) {
      const known = await deps.findStripeId(customer.id);
      if (known !== null) return { stripe_customer_id: known };
      const gone = await deps.countGone(customer.id);
      return await reach(async () => {
        // Made before, and the answer or the link was lost: longer ago than idempotency keys live, only reading tells.
        for await (const found of stripe.customers.list({ email: customer.email, limit: 100 })) {
          if (isOurs(found, customer.id)) return { stripe_customer_id: found.id };
        }
        const created = await stripe.customers.create(
          {
            name: customer.name,
            email: customer.email,
            metadata: ownMetadata(installation_id, { farebox_customer: customer.id }),
          },
          { idempotencyKey: `farebox:${installation_id}:customer:${customer.id}${gone === 0 ? '' : `:${gone}`}` },
        );
        return { stripe_customer_id: created.id };
      });

      function isOurs(found: Stripe.Customer, customerId: string): boolean {
        const { farebox_installation, farebox_customer } = found.metadata;
        return farebox_installation === installation_id && farebox_customer === customerId;
      }
    },

    async openCheckout(intent: CheckoutIntent) {
      const metadata = ownMetadata(installation_id, {
        farebox_customer: intent.customer_id,
        farebox_checkout: intent.id,
        farebox_plan_version: intent.plan_version_id,
      });
      const session = await reach(() =>
        stripe.checkout.sessions.create(
          {
            mode: 'subscription',
            customer: intent.stripe_customer_id,
            client_reference_id: intent.customer_id,
            line_items: [
              { price: intent.stripe_price_id, quantity: intent.quantity },
              ...(intent.stripe_setup_price_id === null ? [] : [{ price: intent.stripe_setup_price_id, quantity: 1 }]),
            ],
            success_url: intent.success_url,
            cancel_url: intent.cancel_url,
            expires_at: Math.floor(intent.expires_at / 1000),
            metadata,
            subscription_data: { metadata },
          },
          { idempotencyKey: `farebox:${installation_id}:checkout:${intent.id}` },
        ),
      );
      if (session.url === null)
        throw new Problem('stripe_unavailable', 'Stripe opened a checkout without an address. Try again.', {
          detail: session.id,
        });
      return { stripe_session_id: session.id, url: session.url };
    },

    async closeCheckout(stripeSessionId) {
      try {
        const session = await stripe.checkout.sessions.expire(stripeSessionId);
        return { state: translateCheckoutState(session) };
      } catch (error) {
        // Only an open session can be expired; whichever way it ended, reading says so.
        if (!(error instanceof Stripe.errors.StripeInvalidRequestError)) throw unavailable(error);
        const session = await reach(() => stripe.checkout.sessions.retrieve(stripeSessionId));
        return { state: translateCheckoutState(session) };
      }
    },

    syncCustomer: (customerId) => reach(() => deps.syncCustomer(customerId)),
  };
}

/**
 * Puts a usage report on the subscription's draft invoice, or, when there is none any more, on the customer's next one.
 * What is already there is read first: an answer that was lost, or an invoice that closed in between, adds nothing twice.
 */
export function createUsageBilling(deps: { stripe: Stripe; installation_id: string }) {
  const { stripe, installation_id } = deps;
  return async function billUsage(
    report: UsageReport,
    target: { stripe_customer_id: string; stripe_subscription_id: string; meter_name: string },
  ): Promise<void> {
    const present = new Set<string>();
    for await (const item of stripe.invoiceItems.list({ customer: target.stripe_customer_id, limit: 100 })) {
      if (item.metadata?.['farebox_usage_report'] === report.id) present.add(item.metadata['farebox_line'] ?? '');
    }
    const drafts = await stripe.invoices.list({
      subscription: target.stripe_subscription_id,
      status: 'draft',
      limit: 10,
    });
    let draft = drafts.data.find((invoice) => invoice.billing_reason === 'subscription_cycle')?.id;
    for (const [index, line] of report.lines.entries()) {
      if (present.has(String(index)) || line.amount_minor === 0) continue;
      try {
        await addLine(report, line, index, target, draft);
      } catch (error) {
        if (draft === undefined || !(error instanceof Stripe.errors.StripeInvalidRequestError)) throw error;
        draft = undefined;
        await addLine(report, line, index, target, draft);
      }
    }
  };

  async function addLine(
    report: UsageReport,
    line: RatedLine,
    index: number,
    target: { stripe_customer_id: string; stripe_subscription_id: string; meter_name: string },
    draft: string | undefined,
  ): Promise<void> {
    await stripe.invoiceItems.create(
      {
        customer: target.stripe_customer_id,
        ...(draft === undefined ? { subscription: target.stripe_subscription_id } : { invoice: draft }),
        amount: line.amount_minor,
        currency: report.currency,
        description: describeLine(report, line, target),
        period: { start: report.period_start_at.getTime() / 1000, end: report.period_end_at.getTime() / 1000 },
        metadata: ownMetadata(installation_id, {
          farebox_usage_report: report.id,
          farebox_line: String(index),
          farebox_quantity: String(line.quantity),
          farebox_unit_price: line.unit_price_decimal,
        }),
      },
      { idempotencyKey: `farebox:${installation_id}:usage:${report.id}:${index}:${draft ?? 'next'}` },
    );
  }
}

/** `API requests over 1,000,000: 250,000 × $0.0008` */
function describeLine(report: Pick<UsageReport, 'currency'>, line: RatedLine, names: { meter_name: string }): string {
  const price = formatDecimal(line.unit_price_decimal, report.currency);
  const count = line.quantity.toLocaleString('en-US');
  const size = line.package_size;
  const sum =
    size === undefined
      ? `${count} × ${price}`
      : `${count}, in ${Math.ceil(line.quantity / size).toLocaleString('en-US')} × ${size.toLocaleString('en-US')} at ${price}`;
  return `${names.meter_name} beyond the included amount: ${sum}`;
}

/** A call on behalf of somebody who waits: what goes wrong at Stripe becomes a refusal they can act on. */
export async function reach<T>(call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    throw unavailable(error);
  }
}

function unavailable(error: unknown): unknown {
  if (!(error instanceof Stripe.errors.StripeError)) return error;
  return new Problem(
    'stripe_unavailable',
    'Stripe could not be asked just now; nothing was charged. Try again in a moment.',
    { detail: { type: error.type, code: error.code, message: error.message, request_id: error.requestId } },
  );
}
