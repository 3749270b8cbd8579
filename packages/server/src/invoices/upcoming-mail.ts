import { type PricedPlan, formatMoney, isLongPeriod } from '@farebox/core';
import type { MailData } from '@farebox/emails';
import type { UpcomingInvoice } from './service.ts';

/**
 * What the customer is told of its next invoice; null where nothing of it is news: a month that costs what every month does, a
 * trial, whose end has a mail of its own, and an invoice over nothing.
 */
export function upcomingMail(
  { subscription, preview, usage, minimum, usage_minor }: UpcomingInvoice,
  plan: Pick<PricedPlan, 'name'>,
  person: { name: string; dashboard_url: string },
): MailData['upcoming_invoice'] | null {
  const { current_period_start_at, current_period_end_at, status } = subscription;
  const period = { start_at: current_period_start_at.getTime(), end_at: current_period_end_at.getTime() };
  const total_minor = preview.total_minor + usage_minor;
  if (status === 'trialing' || total_minor <= 0 || (usage_minor === 0 && !isLongPeriod(period))) return null;
  const line = (description: string, amount_minor: number) =>
    amount_minor === 0 ? [] : [{ description, amount: formatMoney(amount_minor, preview.currency) }];
  const { name, dashboard_url } = person;
  return {
    name,
    plan_name: plan.name,
    renews_on: current_period_end_at.toISOString().slice(0, 10),
    amount: formatMoney(total_minor, preview.currency),
    lines: [
      ...preview.lines.flatMap(({ description, amount_minor }) => line(description, amount_minor)),
      ...line('Discount', -preview.discount_minor),
      ...line('Tax', preview.tax_minor),
      ...usage.flatMap(({ name: meter, lines, capped_minor, shortfall_minor }) => {
        const rated = lines.reduce((sum, { amount_minor }) => sum + amount_minor, 0);
        return line(`${meter}, so far`, rated - capped_minor + shortfall_minor);
      }),
      ...line('Minimum for usage', minimum?.shortfall_minor ?? 0),
    ],
    has_usage: usage_minor > 0,
    dashboard_url,
  };
}
