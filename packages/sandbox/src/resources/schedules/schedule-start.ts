import { periodAt } from '../../billing/periods.ts';
import { mergeMetadata } from '../../http/params.ts';
import type { SubscriptionRecord } from '../../store/records.ts';
import type { PhaseRecord, PhaseSettings, ScheduleRecord } from '../../store/schedule-records.ts';
import type { Tx } from '../../store/store.ts';
import type { Context } from '../context.ts';
import { isRedeemable, type Wanted } from '../invoices/discounts.ts';
import { intervalOf } from '../subscriptions/billing-mode.ts';
import type { Anchoring } from '../subscriptions/subscription-anchors.ts';
import { startSubscription } from '../subscriptions/subscription-start.ts';
import { settingsIn } from './schedule-params.ts';

/** What a phase, or an item of it, discounts: without what has run out since it was planned. */
export function redeemable(
  tx: Tx,
  customer: string,
  phase: PhaseRecord,
  has: readonly string[],
  of: { discounts: readonly Wanted[] } = phase,
): Wanted[] {
  const redeemer = { customer, currency: phase.currency, amount: null };
  return of.discounts.filter((each) => isRedeemable(tx, each, redeemer, has));
}

/** How a phase's invoices are collected. */
export function collectionOf({
  collection_method,
  days_until_due,
}: Pick<PhaseSettings, 'collection_method' | 'days_until_due'>): Pick<
  SubscriptionRecord,
  'collection_method' | 'days_until_due'
> {
  const sends = collection_method === 'send_invoice';
  return {
    collection_method: collection_method ?? 'charge_automatically',
    days_until_due: sends ? days_until_due : null,
  };
}

/**
 * How a phase that began in the past begins its subscription: the time since then is billed by intervals counted from
 * it. With `phase_start` periods are counted from it too, so that the running one is billed whole.
 */
function anchoringOf(
  { tx }: Context,
  phase: PhaseRecord,
  anchor: PhaseSettings['billing_cycle_anchor'],
): Anchoring | null {
  const starts_at = phase.start_date;
  const [item] = phase.items;
  if (starts_at >= tx.now || item === undefined) return null;
  if (anchor !== 'phase_start') return { anchor: null, config: null, starts_at };
  const { end } = periodAt({ anchor: starts_at, day: null }, intervalOf(tx, item), tx.now);
  return { anchor: end, config: null, starts_at };
}

/** The first phase begins: with it the subscription does. */
export function startWith(context: Context, schedule: ScheduleRecord, phase: PhaseRecord): string {
  const { tx } = context;
  const settings = settingsIn(schedule, phase);
  const { billing_thresholds = null, invoice_settings = null } = settings;
  const anchoring = anchoringOf(context, phase, settings.billing_cycle_anchor);
  const { subscription } = startSubscription(context, {
    customer: tx.need('customer', schedule.customer),
    schedule: schedule.id,
    description: settings.description,
    items: phase.items.map((item) => ({ ...item, discounts: redeemable(tx, schedule.customer, phase, [], item) })),
    settings: {
      ...collectionOf(settings),
      ...(schedule.billing_mode === undefined ? {} : { billing_mode: schedule.billing_mode }),
      ...(billing_thresholds === null ? {} : { billing_thresholds }),
      ...(invoice_settings === null ? {} : { invoice_settings }),
    },
    ...(anchoring === null ? {} : { anchoring, proration_behavior: phase.proration_behavior }),
    metadata: mergeMetadata({}, phase.metadata),
    default_payment_method: settings.default_payment_method,
    save_default_payment_method: 'off',
    pay_with: null,
    pay_later: true,
    off_session: true,
    authenticated: false,
    discounts: redeemable(tx, schedule.customer, phase, []),
    default_tax_rates: phase.default_tax_rates,
    // Of a phase that began in the past, a trial may be over.
    trial_end: phase.trial_end !== null && phase.trial_end > tx.now ? phase.trial_end : null,
  });
  return subscription.id;
}
