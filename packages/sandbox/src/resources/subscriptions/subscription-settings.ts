import { missingParam } from '../../contract/contract.ts';
import { invalid, invalidParam } from '../../http/api-error.ts';
import { emptyable, flag, inert, integer, list, oneOf, type Read, shape, text } from '../../http/params.ts';
import type { IntervalUnit, InvoiceSettingsRecord, Seconds, SubscriptionRecord } from '../../store/records.ts';
import { boundary } from '../../time/calendar.ts';
import { accountTaxIds } from '../invoices/invoice-fields.ts';
import { automaticTax } from '../automatic-tax.ts';
import { connectOnly, oldSource, self } from '../refusals.ts';
import { type Context, schedule, unschedule } from '../context.ts';

const interval = oneOf<IntervalUnit>(['day', 'week', 'month', 'year']);

/** An amount at which a subscription is billed before its period ends. */
export const thresholdsParam = emptyable(shape({ amount_gte: integer(1), reset_billing_cycle_anchor: flag() }));

/** What stands on every invoice. */
export const invoiceSettingsFields = {
  account_tax_ids: emptyable(list(text())),
  custom_fields: emptyable(list(shape({ name: text(40), value: text(140) }), 4)),
  description: emptyable(text(1_500)),
  footer: emptyable(text()),
  issuer: self,
};

/** How a subscription is billed besides its items: the same on create and on update. */
export const settingsParams = {
  application_fee_percent: connectOnly,
  automatic_tax: automaticTax,
  billing_thresholds: thresholdsParam,
  collection_method: oneOf(['charge_automatically', 'send_invoice']),
  days_until_due: integer(0, 3_650),
  default_source: oldSource,
  invoice_settings: shape(invoiceSettingsFields),
  on_behalf_of: connectOnly,
  payment_settings: shape({
    save_default_payment_method: oneOf(['off', 'on_subscription']),
    // The sandbox knows cards only.
    payment_method_options: inert('Cards are the only way to pay.'),
    payment_method_types: inert('Cards are the only way to pay.'),
  }),
  pending_invoice_item_interval: emptyable(shape({ interval, interval_count: integer(1, 365) })),
  transfer_data: connectOnly,
};

type Settings = Partial<Read<typeof settingsParams>>;

/** What a request makes of the settings that a subscription had. */
export function settingsOf(
  context: Context,
  params: Settings,
  old: Partial<SubscriptionRecord>,
): Partial<SubscriptionRecord> {
  return {
    ...collectionOf(params, old),
    ...(params.automatic_tax === undefined
      ? {}
      : { automatic_tax: { enabled: params.automatic_tax, disabled_reason: null } }),
    ...(params.billing_thresholds === undefined ? {} : { billing_thresholds: thresholdsOf(params.billing_thresholds) }),
    ...(params.invoice_settings === undefined
      ? {}
      : { invoice_settings: invoiceSettings(context, params.invoice_settings, old.invoice_settings) }),
    ...(params.payment_settings?.save_default_payment_method === undefined
      ? {}
      : { save_default_payment_method: params.payment_settings.save_default_payment_method }),
    ...pendingInterval(context, params.pending_invoice_item_interval, old),
  };
}

function collectionOf(
  params: Settings,
  old: Partial<SubscriptionRecord>,
): Pick<SubscriptionRecord, 'collection_method' | 'days_until_due'> {
  const before = old.collection_method ?? 'charge_automatically';
  const collection_method = params.collection_method ?? before;
  const days_until_due = params.days_until_due ?? old.days_until_due ?? null;
  if (collection_method === 'send_invoice') {
    if (days_until_due === null) throw missingParam('days_until_due');
    return { collection_method, days_until_due };
  }
  if (params.days_until_due === undefined) return { collection_method, days_until_due: null };
  throw invalidParam('You can only set `days_until_due` if `collection_method` is `send_invoice`.', 'days_until_due');
}

/** What thresholds a request asks for; an empty one takes them away. */
export function thresholdsOf(
  wanted: NonNullable<Settings['billing_thresholds']> | null,
): NonNullable<SubscriptionRecord['billing_thresholds']> | null {
  if (wanted === null) return null;
  const { amount_gte = null, reset_billing_cycle_anchor = null } = wanted;
  if (amount_gte === null && reset_billing_cycle_anchor === null) return null;
  return { amount_gte, reset_billing_cycle_anchor };
}

/** What stands on every invoice, as sent, over what there was. */
export function invoiceSettings(
  context: Context,
  wanted: Partial<NonNullable<Settings['invoice_settings']>>,
  old: InvoiceSettingsRecord | null | undefined,
  path = 'invoice_settings',
): InvoiceSettingsRecord {
  const before = old ?? { account_tax_ids: null, custom_fields: null, description: null, footer: null };
  const custom_fields = wanted.custom_fields?.map(({ name, value }) => ({ name: name ?? '', value: value ?? '' }));
  return {
    account_tax_ids:
      wanted.account_tax_ids === undefined
        ? before.account_tax_ids
        : accountTaxIds(context.tx, wanted.account_tax_ids, `${path}[account_tax_ids]`),
    custom_fields: wanted.custom_fields === undefined ? before.custom_fields : (custom_fields ?? null),
    description: wanted.description === undefined ? before.description : wanted.description,
    footer: wanted.footer === undefined ? before.footer : wanted.footer,
  };
}

const longest = { day: 365, week: 52, month: 12, year: 1 };

/** When what is pending is billed for the first time: an interval from now. */
function pendingInterval(
  context: Context,
  wanted: Settings['pending_invoice_item_interval'],
  old: Partial<SubscriptionRecord>,
): Partial<SubscriptionRecord> {
  if (wanted === undefined) return {};
  if (old.id !== undefined) unschedule(context, 'pending_items', old.id);
  if (wanted === null) return { next_pending_invoice_item_invoice: null, pending_invoice_item_interval: null };
  const { interval: unit = 'month', interval_count = 1 } = wanted;
  if (interval_count > longest[unit]) {
    throw invalidParam(
      'The maximum is one year: 365 days, 52 weeks, 12 months or 1 year.',
      'pending_invoice_item_interval[interval_count]',
    );
  }
  const every = { interval: unit, interval_count };
  const next: Seconds = boundary(context.tx.now, every, 1);
  if (old.id !== undefined) schedule(context, next, 'pending_items', old.id);
  return { next_pending_invoice_item_invoice: next, pending_invoice_item_interval: every };
}

/** Says that a customer was meant who is an account of somebody else. */
export const customerAccount = connectOnly;

/** Refuses what only sent invoices, or only charged ones, can have. */
export function checkCollectible(subscription: Pick<SubscriptionRecord, 'collection_method'>, what: string): void {
  if (subscription.collection_method !== 'send_invoice') return;
  throw invalid(`${what} is only available for subscriptions that use \`charge_automatically\`.`);
}
