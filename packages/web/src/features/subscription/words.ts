import { formatMoney } from '@farebox/core';
import { formatDay } from '../../lib/format.ts';
import type { ChangePreview, Discount, ScheduledChange } from '../../lib/wire.ts';

/** Why somebody leaves: the server's reasons, as they are asked. */
export const cancelReasons: readonly { value: string; label: string }[] = [
  { value: '', label: 'I would rather not say' },
  { value: 'too_expensive', label: 'It costs too much' },
  { value: 'missing_features', label: 'Something I need is missing' },
  { value: 'switched_service', label: 'I moved to another service' },
  { value: 'unused', label: 'I do not use it enough' },
  { value: 'low_quality', label: 'The quality was not good enough' },
  { value: 'too_complex', label: 'It is too hard to use' },
  { value: 'customer_service', label: 'The support was not good enough' },
  { value: 'other', label: 'Something else' },
];

/** What a change does, in one sentence: when it counts and what is paid then. */
export function changeSentence(preview: ChangePreview): string {
  const every = `${formatMoney(preview.recurring_minor, preview.price.currency, { trim: true })} a ${preview.price.interval}`;
  if (preview.effect === 'period_end')
    return `You keep what you have until ${formatDay(preview.effective_at)}. From then on it is ${preview.plan_name} for ${every}.`;
  const due = preview.invoice?.amount_due_minor ?? 0;
  const now =
    due > 0 ? `${formatMoney(due, preview.invoice?.currency ?? '')} is charged now` : 'Nothing is charged now';
  return `${preview.plan_name} counts at once. ${now}, then ${every}.`;
}

/** The same of an add-on: what is paid is told of everything together. */
export function addOnSentence(preview: ChangePreview): string {
  const { plan_name, quantity, price } = preview;
  const every = `${formatMoney(preview.recurring_minor, price.currency, { trim: true })} a ${price.interval} in all`;
  const what = quantity === 1 ? plan_name : `${quantity} × ${plan_name}`;
  if (preview.effect === 'period_end') {
    const then = quantity === 0 ? `${plan_name} ends` : `it is ${what}`;
    const fee = preview.setup_fee_minor;
    const once = fee === 0 ? '' : `${formatMoney(fee, price.currency, { trim: true })} once and `;
    return `Nothing changes until ${formatDay(preview.effective_at)}. Then ${then}, and you pay ${once}${every}.`;
  }
  const due = preview.invoice?.amount_due_minor ?? 0;
  const now = due > 0 ? `${formatMoney(due, price.currency)} is charged now` : 'Nothing is charged now';
  return `${what} counts at once. ${now}, then ${every}.`;
}

/** `Changes to Starter, $99 a month, on 3 Jan 2027` */
export function scheduledSentence(change: ScheduledChange): string {
  const { amount_minor, currency, interval } = change.price;
  const added = change.add_ons.reduce((sum, { price: each, quantity }) => sum + each.amount_minor * quantity, 0);
  const price = formatMoney(amount_minor * change.quantity + added, currency, { trim: true });
  return `Changes to ${change.plan_name}, ${price} a ${interval}, on ${formatDay(change.at)}.`;
}

/** `20% off until 3 Jan 2027 (Launch offer)` */
export function discountSentence(discount: Discount, currency: string): string {
  const off =
    discount.percent_off_decimal === null
      ? formatMoney(discount.amount_off_minor ?? 0, currency, { trim: true })
      : `${discount.percent_off_decimal}%`;
  const until = discount.ends_at === null ? '' : ` until ${formatDay(discount.ends_at)}`;
  return `${off} off${until} (${discount.name})`;
}
