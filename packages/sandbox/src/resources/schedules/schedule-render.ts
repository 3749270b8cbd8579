import type Stripe from 'stripe';
import type { Wire } from '../../contract/wire.ts';
import type {
  AddedBound,
  AddedItemRecord,
  PauseScheduleRecord,
  PhaseDiscount,
  PhaseItemRecord,
  PhaseRecord,
  ScheduleRecord,
} from '../../store/schedule-records.ts';
import type { Tx } from '../../store/store.ts';
import { renderTaxRate } from '../catalog/tax-rates.ts';
import { renderMode } from '../subscriptions/subscription-render.ts';

type Rendered = Wire<Stripe.SubscriptionSchedule>;
type RenderedPhase = Rendered['phases'][number];

function renderDiscounts(discounts: readonly PhaseDiscount[]): RenderedPhase['discounts'] {
  return discounts.map(({ coupon = null, discount = null, promotion_code = null }) => ({
    coupon,
    discount,
    promotion_code,
  }));
}

function ratesOf(tx: Tx, ids: readonly string[]): ReturnType<typeof renderTaxRate>[] {
  return ids.map((id) => renderTaxRate(tx.need('tax_rate', id)));
}

function renderItem(tx: Tx, item: PhaseItemRecord): RenderedPhase['items'][number] {
  const is_metered = tx.get('price', item.price)?.recurring?.meter !== undefined;
  return {
    billing_thresholds: item.billing_thresholds ?? null,
    discounts: renderDiscounts(item.discounts),
    metadata: item.metadata,
    plan: item.price,
    price: item.price,
    ...(is_metered ? {} : { quantity: item.quantity }),
    tax_rates: ratesOf(tx, item.tax_rates),
  };
}

function renderBound<T extends string>(bound: AddedBound<T>): { timestamp?: number; type: T | 'timestamp' } {
  return bound.timestamp === null ? { type: bound.type } : { timestamp: bound.timestamp, type: bound.type };
}

function renderAdded(tx: Tx, item: AddedItemRecord): RenderedPhase['add_invoice_items'][number] {
  return {
    discountable: item.discountable,
    discounts: renderDiscounts(item.discounts),
    metadata: item.metadata,
    period: { start: renderBound(item.period.start), end: renderBound(item.period.end) },
    price: item.price,
    quantity: item.quantity,
    tax_rates: ratesOf(tx, item.tax_rates),
  };
}

const self = { type: 'self' } as const;
const bare_invoice = { account_tax_ids: null, custom_fields: null, description: null, footer: null };

function renderPhase(tx: Tx, phase: PhaseRecord): RenderedPhase {
  return {
    add_invoice_items: phase.add_invoice_items.map((each) => renderAdded(tx, each)),
    application_fee_percent: null,
    billing_cycle_anchor: phase.billing_cycle_anchor,
    billing_thresholds: phase.billing_thresholds ?? null,
    collection_method: phase.collection_method,
    currency: phase.currency,
    default_payment_method: phase.default_payment_method,
    default_tax_rates: ratesOf(tx, phase.default_tax_rates),
    description: phase.description,
    discounts: renderDiscounts(phase.discounts),
    end_date: phase.end_date,
    invoice_settings:
      phase.days_until_due === null && phase.invoice_settings == null
        ? null
        : { ...(phase.invoice_settings ?? bare_invoice), days_until_due: phase.days_until_due, issuer: null },
    items: phase.items.map((each) => renderItem(tx, each)),
    metadata: phase.metadata,
    on_behalf_of: null,
    proration_behavior: phase.proration_behavior,
    start_date: phase.start_date,
    transfer_data: null,
    trial_end: phase.trial_end,
  };
}

function statusOf<T extends string>(state: T, message: string | null): { error?: { message: string }; type: T } {
  return message === null ? { type: state } : { error: { message }, type: state };
}

function renderPause({ key, pause, resume }: PauseScheduleRecord): Rendered['pause_schedules'][number] {
  const { bill_for } = pause;
  return {
    key,
    pause: {
      pause_at: pause.at,
      settings: {
        bill_for: {
          outstanding_usage_through: { type: bill_for.outstanding_usage_through },
          unused_time_from: { type: bill_for.unused_time_from },
        },
        invoicing_behavior: pause.invoicing_behavior,
        type: 'subscription',
      },
      status: statusOf(pause.state, pause.error),
    },
    resume:
      resume === null
        ? null
        : {
            resume_at: resume.at,
            settings: {
              billing_cycle_anchor: resume.billing_cycle_anchor,
              payment_behavior: resume.payment_behavior,
              proration_behavior: resume.proration_behavior,
            },
            status: statusOf(resume.state, resume.error),
          },
  };
}

/** Renders a subscription schedule. */
export function renderSchedule(tx: Tx, schedule: ScheduleRecord): Rendered {
  const { default_settings } = schedule;
  const phase = schedule.current === null ? undefined : schedule.phases[schedule.current];
  return {
    id: schedule.id,
    object: 'subscription_schedule',
    application: null,
    billing_mode: renderMode(
      tx.get('subscription', schedule.subscription ?? schedule.released_subscription ?? '') ?? schedule,
    ),
    canceled_at: schedule.canceled_at,
    completed_at: schedule.completed_at,
    created: schedule.created,
    current_phase: phase === undefined ? null : { end_date: phase.end_date, start_date: phase.start_date },
    customer: schedule.customer,
    customer_account: null,
    default_settings: {
      application_fee_percent: null,
      automatic_tax: { disabled_reason: null, enabled: false, liability: null },
      billing_cycle_anchor: default_settings.billing_cycle_anchor ?? 'automatic',
      billing_thresholds: default_settings.billing_thresholds ?? null,
      collection_method: default_settings.collection_method ?? 'charge_automatically',
      default_payment_method: default_settings.default_payment_method,
      description: default_settings.description,
      invoice_settings: {
        ...(default_settings.invoice_settings ?? bare_invoice),
        days_until_due: default_settings.days_until_due,
        issuer: self,
      },
      on_behalf_of: null,
      transfer_data: null,
    },
    end_behavior: schedule.end_behavior,
    livemode: false,
    metadata: schedule.metadata,
    pause_schedules: schedule.pause_schedules.map(renderPause),
    phases: schedule.phases.map((each) => renderPhase(tx, each)),
    released_at: schedule.released_at,
    released_subscription: schedule.released_subscription,
    status: schedule.status,
    subscription: schedule.subscription,
    test_clock: tx.get('customer', schedule.customer)?.test_clock ?? null,
  };
}
