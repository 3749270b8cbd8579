import { type Currency, type RehearsalTotal, formatMoney, rehearsedDifference } from '@farebox/core';
import { cell } from '../../lib/markdown.ts';
import type { RehearsedCustomer, Rehearsal } from './service.ts';

/** For a terminal: the sums, what stays, and the customers with the largest differences. */
export function rehearsalText(rehearsal: Rehearsal, limit: number): string {
  const { more, less, left } = sides(rehearsal, limit);
  const side = (head: string, customers: readonly RehearsedCustomer[]) =>
    customers.length === 0 ? [] : ['', head, ...customers.map((customer) => `  ${customerText(customer)}`)];
  return [
    summaryOf(rehearsal),
    ...rehearsal.totals.flatMap((total) => ['', ...rowsOf(total).map((row) => `  ${rowText(row)}`), `  ${who(total)}`]),
    ...side('Who would pay more:', more),
    ...side('Who would pay less:', less),
    ...(left === 0 ? [] : [`  … and ${count(left)} more with smaller differences (--limit).`]),
    ...notesOf(rehearsal).flatMap((note, index) => (index === 0 ? ['', note] : [note])),
  ].join('\n');
}

/** For a comment on a pull request. */
export function rehearsalMarkdown(rehearsal: Rehearsal, limit: number): string {
  const { more, less, left } = sides(rehearsal, limit);
  const table = (head: string, customers: readonly RehearsedCustomer[]) =>
    customers.length === 0
      ? []
      : [
          '',
          `#### ${head}`,
          '',
          '| customer | plan | now | rehearsed | |',
          '|---|---|--:|--:|--:|',
          ...customers.map(line),
        ];
  return [
    '### Rehearsal of the price list',
    '',
    summaryOf(rehearsal),
    ...rehearsal.totals.flatMap((total) => [
      '',
      `| ${total.currency} a month | now | rehearsed | |`,
      '|---|--:|--:|--:|',
      ...rowsOf(total).map(({ name, now, rehearsed, change }) => `| ${name} | ${now} | ${rehearsed} | ${change} |`),
      '',
      who(total),
    ]),
    ...table('Who would pay more', more),
    ...table('Who would pay less', less),
    ...(left === 0 ? [] : ['', `… and ${count(left)} more with smaller differences.`]),
    ...notesOf(rehearsal).flatMap((note, index) => (index === 0 ? ['', `- ${note}`] : [`- ${note}`])),
    '',
  ].join('\n');

  function line({ customer_id, name, currency, plans, ...cost }: RehearsedCustomer): string {
    const { now, rehearsed, change } = rowOf('', currency, sum(cost.now), sum(cost.rehearsed));
    return `| ${cell(name)} \`${customer_id}\` | ${plans.map(planName).map(cell).join(', ')} | ${now} | ${rehearsed} | ${change} |`;
  }
}

interface Row {
  name: string;
  now: string;
  rehearsed: string;
  change: string;
}

function summaryOf({ customers, changes, changed }: Rehearsal): string {
  if (customers === 0) return 'Nobody pays for a plan, so there is nothing to rehearse.';
  const of = customers === 1 ? '1 paying customer' : `${count(customers)} paying customers`;
  return changes
    ? `By this price list ${count(new Set(changed.map(({ customer_id }) => customer_id)).size)} of ${of} would pay something else a month.`
    : `By this price list ${of} would pay what they pay.`;
}

function rowsOf({ currency, now, rehearsed }: RehearsalTotal): Row[] {
  return [
    rowOf('MRR', currency, now.base_minor, rehearsed.base_minor),
    rowOf('Usage', currency, now.usage_minor, rehearsed.usage_minor),
    rowOf('Together', currency, sum(now), sum(rehearsed)),
  ];
}

function rowOf(name: string, currency: Currency, now: number, rehearsed: number): Row {
  const difference = rehearsed - now;
  const sign = difference > 0 ? '+' : '−';
  const share = now === 0 ? '' : `, ${sign}${Math.round((Math.abs(difference) * 1000) / now) / 10} %`;
  const change = difference === 0 ? 'the same' : `${sign}${formatMoney(Math.abs(difference), currency)}${share}`;
  return { name, now: formatMoney(now, currency), rehearsed: formatMoney(rehearsed, currency), change };
}

function rowText({ name, now, rehearsed, change }: Row): string {
  return `${name.padEnd(9)} ${now} → ${rehearsed} a month (${change})`;
}

function who({ customers, more, much_more, less }: RehearsalTotal): string {
  const much = much_more === 0 ? '' : `, ${count(much_more)} of them more than 20 %`;
  return `${count(more)} would pay more${much}; ${count(less)} less; ${count(customers - more - less)} the same.`;
}

function customerText({ customer_id, name, currency, plans, now, rehearsed }: RehearsedCustomer): string {
  const { now: before, rehearsed: after, change } = rowOf('', currency, sum(now), sum(rehearsed));
  const parts = [
    ['price', rehearsed.base_minor - now.base_minor],
    ['usage', rehearsed.usage_minor - now.usage_minor],
  ] as const;
  const told = parts.flatMap(([part, difference]) =>
    difference === 0 ? [] : [`${part} ${difference > 0 ? '+' : '−'}${formatMoney(Math.abs(difference), currency)}`],
  );
  return `${customer_id} ${name}, ${plans.map(planName).join(' + ')}: ${before} → ${after} (${change}: ${told.join(', ')})`;
}

function planName({ plan_id, version }: { plan_id: string; version: number }): string {
  return `${plan_id} v${version}`;
}

function notesOf({ kept, without_period, uncounted }: Rehearsal): string[] {
  return [
    ...kept.map(({ detail, customers }) => `${people(customers)} as they are: ${detail}`),
    ...(without_period === 0
      ? []
      : [
          `${people(without_period, 'has', 'have')} no period of usage behind them: their base price alone is compared.`,
        ]),
    ...uncounted.map(({ meter_id, type }) =>
      type === 'new'
        ? `The meter ${meter_id} counts nothing yet: its usage is taken as none.`
        : `The meter ${meter_id} will count otherwise: its usage is taken as it was counted.`,
    ),
  ];
}

function sides({ changed }: Rehearsal, limit: number) {
  const shown = changed.slice(0, limit);
  return {
    more: shown.filter((customer) => rehearsedDifference(customer) > 0),
    less: shown.filter((customer) => rehearsedDifference(customer) < 0),
    left: changed.length - shown.length,
  };
}

function sum({ base_minor, usage_minor }: { base_minor: number; usage_minor: number }): number {
  return base_minor + usage_minor;
}

function people(customers: number, one = 'stays', many = 'stay'): string {
  return customers === 1 ? `1 customer ${one}` : `${count(customers)} customers ${many}`;
}

function count(number: number): string {
  return number.toLocaleString('en-US');
}
