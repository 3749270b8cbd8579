import {
  type CatalogChange,
  type CatalogEffect,
  type MeterChange,
  type PlanDifference,
  type StripeEffect,
  type Subscribers,
  diffPlans,
  effectOf,
  formatMoney,
  stripeEffectsOf,
} from '@farebox/core';
import { cell } from '../../lib/markdown.ts';

/** What a push would change, here and at Stripe, and whom it touches. */
export interface CatalogReport {
  /** Whether a push would do anything. */
  changes: boolean;
  plans: PlanReport[];
  meters: MeterChange[];
}

export interface PlanReport {
  plan_id: string;
  name: string;
  type: 'new' | 'changed' | 'restored' | 'archived' | 'unchanged';
  /** On sale after a push; of an archived plan, until now. */
  version: number;
  differences: PlanDifference[];
  stripe: StripeEffect[];
  effect: CatalogEffect;
}

export function reportOf(
  changes: readonly CatalogChange[],
  subscribers: readonly Subscribers[],
  meters: MeterChange[],
): CatalogReport {
  return {
    changes: [...changes, ...meters].some((change) => change.type !== 'unchanged'),
    meters,
    plans: changes.map((change) => ({
      plan_id: change.plan.id,
      name: change.plan.name,
      type: typeOf(change),
      version: change.version,
      differences:
        change.type === 'publish_version' && change.before !== null ? diffPlans(change.before, change.plan) : [],
      stripe: stripeEffectsOf(change),
      effect: effectOf(change, subscribers),
    })),
  };
}

function typeOf(change: CatalogChange): PlanReport['type'] {
  if (change.type === 'publish_version') return change.before === null ? 'new' : 'changed';
  if (change.type === 'restore_version') return 'restored';
  return change.type === 'archive_plan' ? 'archived' : 'unchanged';
}

const meterMarks = { new: '+', changed: '~', removed: '-' } as const;
const meterHeads = {
  new: 'new; it counts from now on',
  changed: 'changed; what was counted stays as it is',
  removed: 'counts no more; what was counted stays',
} as const;

const marks: Record<PlanReport['type'], string> = {
  new: '+',
  changed: '~',
  restored: '+',
  archived: '-',
  unchanged: ' ',
};

/** For a terminal. */
export function reportText(report: CatalogReport): string {
  const lines = report.plans.flatMap((plan) => {
    if (plan.type === 'unchanged') return [];
    const width = Math.max(0, ...plan.differences.map((line) => line.path.length));
    return [
      `${marks[plan.type]} ${plan.plan_id}: ${headOf(plan)}`,
      ...plan.differences.map((line) => `    ${line.path.padEnd(width)}  ${words(line.before)} → ${words(line.after)}`),
      ...plan.stripe.map((effect) => `    Stripe: ${stripeWords(effect)}`),
      ...effectWords(plan).map((sentence) => `    ${sentence}`),
      '',
    ];
  });
  const meters = report.meters.flatMap((meter) => {
    if (meter.type === 'unchanged') return [];
    const width = Math.max(0, ...meter.differences.map((line) => line.path.length));
    return [
      `${meterMarks[meter.type]} meter ${meter.meter_id}: ${meterHeads[meter.type]}`,
      ...meter.differences.map(
        (line) => `    ${line.path.padEnd(width)}  ${words(line.before)} → ${words(line.after)}`,
      ),
      '',
    ];
  });
  return [...lines, ...meters, summaryOf(report)].join('\n');
}

/** For a comment on a pull request. */
export function reportMarkdown(report: CatalogReport): string {
  const parts = report.plans.flatMap((plan) => {
    if (plan.type === 'unchanged') return [];
    const rows = plan.differences.map(
      (line) => `| \`${line.path}\` | ${cell(words(line.before))} | ${cell(words(line.after))} |`,
    );
    const table = rows.length === 0 ? [] : ['', '| | now | after |', '|---|---|---|', ...rows];
    const notes = [...plan.stripe.map((effect) => `Stripe: ${stripeWords(effect)}`), ...effectWords(plan)];
    return [
      '',
      `#### ${plan.name} (\`${plan.plan_id}\`): ${headOf(plan)}`,
      ...table,
      '',
      ...notes.map((note) => `- ${note}`),
    ];
  });
  const meters = report.meters.flatMap((meter) => {
    if (meter.type === 'unchanged') return [];
    const lines = meter.differences.map(
      (line) => `- \`${line.path}\`: ${cell(words(line.before))} → ${cell(words(line.after))}`,
    );
    return ['', `#### Meter ${meter.name} (\`${meter.meter_id}\`): ${meterHeads[meter.type]}`, '', ...lines];
  });
  return ['### Price list', '', summaryOf(report), ...parts, ...meters, ''].join('\n');
}

function headOf(plan: PlanReport): string {
  const heads: Record<PlanReport['type'], string> = {
    new: 'new',
    changed: `version ${plan.version}`,
    restored: `on sale again, version ${plan.version} as it was`,
    archived: 'leaves the list',
    unchanged: 'unchanged',
  };
  return heads[plan.type];
}

function summaryOf(report: CatalogReport): string {
  if (!report.changes) return `No change: ${report.plans.length} plans are as published.`;
  if (report.plans.every(({ type }) => type === 'unchanged')) return 'Meters change; plans are as published.';
  const count = (type: PlanReport['type']) => report.plans.filter((plan) => plan.type === type).length;
  const named = ([type, text]: [PlanReport['type'], string]) => (count(type) === 0 ? [] : [`${count(type)} ${text}`]);
  const types: [PlanReport['type'], string][] = [
    ['new', 'new'],
    ['changed', 'changed'],
    ['restored', 'back on sale'],
    ['archived', 'no longer sold'],
    ['unchanged', 'unchanged'],
  ];
  const customers = report.plans
    .filter((plan) => plan.type !== 'unchanged')
    .reduce((sum, plan) => sum + plan.effect.customers, 0);
  const touched =
    customers === 0 ? 'Nobody has these plans.' : `${people(customers)} on these plans, and nobody is moved by a push.`;
  return `Plans: ${types.flatMap(named).join(', ')}. ${touched}`;
}

function stripeWords({ type, key, amount }: StripeEffect): string {
  if (amount === null) return `${type === 'create_product' ? 'new product' : 'renamed product'} ${key}`;
  const every = amount.interval === null ? 'once' : `a ${amount.interval}`;
  return `new price ${key}, ${formatMoney(amount.minor, amount.currency)} ${every}`;
}

/** Nobody moves by a push, so the effect on revenue is what a migration would bring. */
function effectWords({ type, version, effect }: PlanReport): string[] {
  if (effect.customers === 0) return [];
  if (type === 'archived')
    return [`${people(effect.customers, 'keeps', 'keep')} it: ${effect.mrr.map(nowWords).join(', ')}.`];
  if (type !== 'changed') return [];
  const stuck =
    effect.cannot_move === 0 ? [] : [`${people(effect.cannot_move)} cannot move: no such currency or interval.`];
  return [
    `${people(effect.customers, 'stays', 'stay')} on older versions: ${effect.mrr.map(nowWords).join(', ')}.`,
    ...effect.mrr
      .filter((sum) => sum.moved_minor !== sum.now_minor)
      .map(({ currency, now_minor, moved_minor }) => {
        const difference = moved_minor - now_minor;
        const sign = difference > 0 ? '+' : '−';
        return `On version ${version} they would pay ${formatMoney(moved_minor, currency)} a month (${sign}${formatMoney(Math.abs(difference), currency)} MRR).`;
      }),
    ...stuck,
  ];
}

function nowWords({ currency, now_minor }: { currency: string; now_minor: number }): string {
  return `${formatMoney(now_minor, currency)} a month`;
}

/** `3 customers`, and what one or several of them do. */
function people(count: number, one = '', many = ''): string {
  const verb = count === 1 ? one : many;
  const who = count === 1 ? '1 customer' : `${count.toLocaleString('en-US')} customers`;
  return verb === '' ? who : `${who} ${verb}`;
}

function words(value: string | null): string {
  return value ?? '(none)';
}
