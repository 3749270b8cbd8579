import { missingParam } from '../../contract/contract.ts';
import { invalid, invalidParam } from '../../http/api-error.ts';
import {
  currencyCode,
  emptyable,
  flag,
  integer,
  list,
  mergeMetadata,
  metadata,
  oneOf,
  type Param,
  type Read,
  shape,
  text,
} from '../../http/params.ts';
import { type AskedSpan, type PhaseFault, tilePhases, trialOf } from '../../billing/phases.ts';
import type { Seconds } from '../../store/records.ts';
import type {
  AddedItemRecord,
  PhaseItemRecord,
  PhaseRecord,
  PhaseSettings,
  ScheduleRecord,
} from '../../store/schedule-records.ts';
import type { Tx } from '../../store/store.ts';
import { oneTimePriceData } from '../catalog/inline-prices.ts';
import { findTaxRates } from '../catalog/tax-rates.ts';
import type { Context } from '../context.ts';
import { checkOffers, discountsParam } from '../invoices/discounts.ts';
import { resolvePaymentMethod } from '../payments/payment-methods.ts';
import { connectOnly, scheduledTax } from '../refusals.ts';
import { addedPrice } from '../subscriptions/add-invoice-items.ts';
import { itemFields, newItemOf } from '../subscriptions/subscription-items-params.ts';
import {
  invoiceSettings,
  invoiceSettingsFields,
  thresholdsOf,
  thresholdsParam,
} from '../subscriptions/subscription-settings.ts';

/** A time, or `now`. */
export const moment: Param<Seconds | 'now'> = {
  read: (value, path) => (value === 'now' ? 'now' : integer(0).read(value, path)),
};

const UNITS = ['day', 'month', 'week', 'year'] as const;
const MOST_ITEMS = 20;
/** Stripe takes ten phases that run or are to come. */
const MOST_PHASES = 10;

/** `duration`, and what else says so many intervals. */
export const durationParam = shape({ interval: oneOf(UNITS), interval_count: integer(1, 1_000) });

const taxRates = emptyable(list(text(), 5));

const addedParam = shape({
  discountable: flag(),
  discounts: discountsParam,
  metadata: metadata(),
  period: shape({
    end: shape({ timestamp: integer(0), type: oneOf(['min_item_period_end', 'phase_end', 'timestamp']) }),
    start: shape({ timestamp: integer(0), type: oneOf(['max_item_period_start', 'phase_start', 'timestamp']) }),
  }),
  price: text(),
  price_data: oneTimePriceData,
  quantity: integer(0, 999_999),
  tax_rates: taxRates,
});

const itemParam = shape(itemFields);

/** What `default_settings` and a phase have in common. */
const settings = {
  application_fee_percent: connectOnly,
  automatic_tax: scheduledTax,
  billing_cycle_anchor: oneOf(['automatic', 'phase_start']),
  billing_thresholds: thresholdsParam,
  collection_method: oneOf(['charge_automatically', 'send_invoice']),
  default_payment_method: text(),
  description: emptyable(text(500)),
  invoice_settings: shape({ ...invoiceSettingsFields, days_until_due: integer(0, 3_650) }),
  on_behalf_of: connectOnly,
  transfer_data: connectOnly,
};

export const defaultsParam = shape(settings);

export const prorationParam = oneOf(['always_invoice', 'create_prorations', 'none']);

const phaseParam = shape({
  ...settings,
  add_invoice_items: list(addedParam, MOST_ITEMS),
  currency: currencyCode(),
  default_tax_rates: taxRates,
  discounts: discountsParam,
  duration: durationParam,
  end_date: moment,
  items: list(itemParam, MOST_ITEMS),
  metadata: metadata(),
  proration_behavior: prorationParam,
  start_date: moment,
  trial: flag(),
  trial_end: moment,
});

export const phasesParam = list(phaseParam, MOST_PHASES + 90);

type SentSettings = Partial<Read<typeof settings>>;
type SentPhase = ReturnType<typeof phaseParam.read>;

/** The payment method of a customer, by an id that was sent. */
function ownMethod(context: Context, customer: string, id: string, param: string): string {
  const method = resolvePaymentMethod(context, id, param);
  if (method.customer === customer) return method.id;
  throw invalid(
    `The customer does not have a payment method with the ID ${id}. The payment method must be attached to the customer.`,
    { code: 'resource_missing', param },
  );
}

/** What stands on the invoices, where a request says anything of it. */
function invoiceSettingsOf(
  context: Context,
  sent: SentSettings['invoice_settings'],
  old: PhaseSettings,
  path: string,
): Pick<PhaseSettings, 'invoice_settings'> {
  const { days_until_due: _days, issuer: _issuer, ...said } = sent ?? {};
  if (Object.values(said).every((each) => each === undefined)) return {};
  return { invoice_settings: invoiceSettings(context, said, old.invoice_settings, `${path}[invoice_settings]`) };
}

/** Settings as sent, over those there were. */
export function settingsOf(
  context: Context,
  customer: string,
  sent: SentSettings,
  old: PhaseSettings,
  path: string,
): PhaseSettings {
  const method = sent.default_payment_method;
  const read: PhaseSettings = {
    ...(old.billing_thresholds === undefined ? {} : { billing_thresholds: old.billing_thresholds }),
    ...(old.invoice_settings === undefined ? {} : { invoice_settings: old.invoice_settings }),
    billing_cycle_anchor: sent.billing_cycle_anchor ?? old.billing_cycle_anchor,
    collection_method: sent.collection_method ?? old.collection_method,
    days_until_due: sent.invoice_settings?.days_until_due ?? old.days_until_due,
    default_payment_method:
      method === undefined
        ? old.default_payment_method
        : ownMethod(context, customer, method, `${path}[default_payment_method]`),
    description: sent.description === undefined ? old.description : sent.description,
    ...(sent.billing_thresholds === undefined ? {} : { billing_thresholds: thresholdsOf(sent.billing_thresholds) }),
    ...invoiceSettingsOf(context, sent.invoice_settings, old, path),
  };
  if (read.days_until_due !== null && read.collection_method === 'charge_automatically') {
    throw invalidParam(
      'You can only set `days_until_due` if `collection_method` is set to `send_invoice`.',
      `${path}[invoice_settings][days_until_due]`,
    );
  }
  return read;
}

/** Settings that say nothing. */
export const nothing: PhaseSettings = {
  billing_cycle_anchor: null,
  collection_method: null,
  days_until_due: null,
  default_payment_method: null,
  description: null,
};

/** Prices that a schedule has already; those written inline are inactive. */
export function pricesOf(phases: readonly PhaseRecord[]): Set<string> {
  return new Set(phases.flatMap((phase) => [...phase.items, ...phase.add_invoice_items]).map((item) => item.price));
}

function itemsOf(context: Context, sent: SentPhase, path: string, known: ReadonlySet<string>): PhaseItemRecord[] {
  const items = (sent.items ?? []).map((each, index): PhaseItemRecord => {
    const item = newItemOf(context, each, `${path}[items][${index}]`, known);
    return { ...item, discounts: item.discounts ?? [], tax_rates: item.tax_rates ?? [] };
  });
  const param = `${path}[items]`;
  if (items.length === 0) throw missingParam(param);
  if (new Set(items.map((item) => item.price)).size < items.length) {
    throw invalid('Subscription items must have unique prices. Use quantity instead.', { param });
  }
  return items;
}

function addedOf(
  context: Context,
  sent: ReturnType<typeof addedParam.read>,
  currency: string,
  path: string,
  known: ReadonlySet<string>,
): AddedItemRecord {
  const price = addedPrice(context, sent, currency, path, known);
  const bound = <T extends string>(
    given: { timestamp?: number | undefined; type?: T | 'timestamp' | undefined } | undefined,
    fallback: T,
    name: string,
  ): { type: T | 'timestamp'; timestamp: Seconds | null } => {
    const type = given?.type ?? fallback;
    if (type === 'timestamp' && given?.timestamp === undefined) {
      throw missingParam(`${path}[period][${name}][timestamp]`);
    }
    return { type, timestamp: type === 'timestamp' ? (given?.timestamp ?? null) : null };
  };
  return {
    discountable: sent.discountable ?? true,
    discounts: sent.discounts ?? [],
    metadata: mergeMetadata({}, sent.metadata),
    period: {
      start: bound(sent.period?.start, 'max_item_period_start', 'start'),
      end: bound(sent.period?.end, 'min_item_period_end', 'end'),
    },
    price: price.id,
    quantity: sent.quantity ?? 1,
    tax_rates: findTaxRates(context.tx, sent.tax_rates ?? [], `${path}[tax_rates]`),
  };
}

function currencyOf(tx: Tx, sent: SentPhase, items: readonly PhaseItemRecord[], path: string): string {
  const currencies = new Set(items.map((item) => tx.need('price', item.price).currency));
  if (sent.currency !== undefined) currencies.add(sent.currency);
  const [currency = '', other] = currencies;
  if (other === undefined) return currency;
  throw invalid(
    'Currency and interval fields must match across all plans on this subscription. Found mismatch in currency field.',
    { param: `${path}[items]` },
  );
}

function fail(fault: PhaseFault): never {
  throw invalidParam(fault.message, `phases[${fault.index}][${fault.field}]`);
}

/** When each phase runs. */
function spansOf(tx: Tx, sent: readonly SentPhase[], items: PhaseItemRecord[][], from: Seconds): AskedSpan[] {
  const time = (value: Seconds | 'now' | undefined): Seconds | null => (value === 'now' ? tx.now : (value ?? null));
  return sent.map((phase, index) => {
    const { interval, interval_count = 1 } = phase.duration ?? {};
    if (phase.duration !== undefined && interval === undefined)
      throw missingParam(`phases[${index}][duration][interval]`);
    const recurring = tx.need('price', items[index]?.[0]?.price ?? '').recurring;
    if (recurring === null) throw new Error('A one-time price was let by as an item.');
    return {
      start_date: index === 0 ? from : time(phase.start_date),
      end_date: time(phase.end_date),
      duration: interval === undefined ? null : { interval, interval_count },
      interval: recurring,
    };
  });
}

/** Reads phases that begin at `from`, one after the other; nothing is written. */
export function phasesOf(
  context: Context,
  customer: string,
  sent: readonly SentPhase[],
  from: Seconds,
  known: ReadonlySet<string> = new Set(),
): PhaseRecord[] {
  const { tx } = context;
  const items = sent.map((phase, index) => itemsOf(context, phase, `phases[${index}]`, known));
  const spans = tilePhases(spansOf(tx, sent, items, from), from);
  if (!Array.isArray(spans)) fail(spans);
  const phases = sent.map((phase, index): PhaseRecord => {
    const path = `phases[${index}]`;
    const span = spans[index];
    const own = items[index];
    if (span === undefined || own === undefined) throw new Error('Every phase has a span.');
    const own_settings = settingsOf(context, customer, phase, nothing, path);
    const trial_end = phase.trial_end === 'now' ? null : (phase.trial_end ?? null);
    const trial = trialOf(
      span,
      { trial: phase.trial ?? false, trial_end, anchor: own_settings.billing_cycle_anchor },
      index,
    );
    if ('message' in trial) fail(trial);
    const currency = currencyOf(tx, phase, own, path);
    const discounts = phase.discounts ?? [];
    const redeemer = { customer, currency, amount: null };
    checkOffers(tx, discounts, redeemer, path);
    for (const [at, item] of own.entries()) checkOffers(tx, item.discounts, redeemer, `${path}[items][${at}]`);
    return {
      ...own_settings,
      ...trial,
      start_date: span.start,
      end_date: span.end,
      add_invoice_items: (phase.add_invoice_items ?? []).map((each, at) =>
        addedOf(context, each, currency, `${path}[add_invoice_items][${at}]`, known),
      ),
      currency,
      default_tax_rates: findTaxRates(tx, phase.default_tax_rates ?? [], `${path}[default_tax_rates]`),
      discounts,
      items: own,
      metadata: phase.metadata ?? {},
      proration_behavior: phase.proration_behavior ?? 'create_prorations',
    };
  });
  const odd = phases.findIndex((phase) => phase.currency !== phases[0]?.currency);
  if (odd !== -1) {
    throw invalid('Every phase of a schedule must have the same currency.', { param: `phases[${odd}][items]` });
  }
  if (phases.filter((phase) => phase.end_date > tx.now).length > MOST_PHASES) {
    throw invalidParam(`A schedule can have at most ${MOST_PHASES} phases that run or are to come.`, 'phases');
  }
  return phases;
}

/** What holds in a phase: what it says itself, else what the schedule says. */
export function settingsIn(schedule: ScheduleRecord, phase: PhaseRecord): PhaseSettings {
  const { default_settings: general } = schedule;
  return {
    billing_cycle_anchor: phase.billing_cycle_anchor ?? general.billing_cycle_anchor,
    collection_method: phase.collection_method ?? general.collection_method,
    days_until_due: phase.days_until_due ?? general.days_until_due,
    default_payment_method: phase.default_payment_method ?? general.default_payment_method,
    description: phase.description ?? general.description,
    billing_thresholds: phase.billing_thresholds ?? general.billing_thresholds ?? null,
    invoice_settings: phase.invoice_settings ?? general.invoice_settings ?? null,
  };
}

/** Refuses phases whose invoices are sent and never due. */
export function checkSending(schedule: ScheduleRecord): void {
  for (const [index, phase] of schedule.phases.entries()) {
    const { collection_method, days_until_due } = settingsIn(schedule, phase);
    if (collection_method === 'send_invoice' && days_until_due === null) {
      throw missingParam(`phases[${index}][invoice_settings][days_until_due]`);
    }
  }
}
