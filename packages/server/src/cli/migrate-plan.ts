import { setTimeout as wait } from 'node:timers/promises';
import { type MigrationMrr, formatMoney, migrationProgressText } from '@farebox/core';
import { createAudit } from '../accounts/audit.ts';
import { systemClock } from '../lib/clock.ts';
import { createLog } from '../lib/log.ts';
import { Refusal } from '../lib/refusal.ts';
import { Problem } from '../problem.ts';
import { createQueue } from '../queue/queue.ts';
import {
  type MigrationPreview,
  type MigrationWish,
  type Migrations,
  createMigrations,
} from '../subscriptions/migrations/service.ts';
import { configuration, optionsAndNames } from './arguments.ts';
import { withDatabase } from './reach.ts';

const known = {
  to: { type: 'string' },
  from: { type: 'string' },
  when: { type: 'string' },
  proration: { type: 'string' },
  'per-second': { type: 'string' },
  'dry-run': { type: 'boolean' },
  json: { type: 'boolean' },
} as const;

/** Exit code while somebody could not be moved; 1 is a failure. */
const someStayed = 2;
const lookAgainMs = 500;

/**
 * `farebox migrate PLAN --to N [--from 1,2] [--when now|period_end] [--proration none|create_prorations|always_invoice]
 * [--per-second 5] [--dry-run] [--json]`: moves a plan's customers to another version. The running Farebox carries it out;
 * here its progress is shown, and Ctrl-C stops only the showing.
 */
export async function migratePlan(args: string[]): Promise<number> {
  const { values, positionals } = optionsAndNames(args, known);
  const [planId, ...more] = positionals;
  if (planId === undefined || more.length > 0) throw new Refusal('Name one plan: farebox migrate PLAN --to VERSION.');
  const wish = wishOf(values);
  const { config } = configuration();
  return await withDatabase(config, async (db, url) => {
    const queue = createQueue({ url, log: createLog('error') });
    await queue.start();
    try {
      const audit = createAudit({ db, clock: systemClock });
      const migrations = createMigrations({ db, clock: systemClock, queue, audit });
      if (values['dry-run'] === true) {
        const preview = await migrations.preview(planId, wish);
        console.log(values.json === true ? JSON.stringify(preview, null, 2) : previewText(preview));
        return 0;
      }
      return await carryOut(migrations, planId, wish, values.json === true);
    } catch (error) {
      throw error instanceof Problem ? new Refusal(error.message, { cause: error }) : error;
    } finally {
      await queue.stop();
    }
  });
}

async function carryOut(migrations: Migrations, planId: string, wish: MigrationWish, json: boolean): Promise<number> {
  let progress = await migrations.start('command line', planId, wish);
  let shown = '';
  const say = () => {
    const line = migrationProgressText(progress);
    if (!json && line !== shown) console.log(line);
    shown = line;
  };
  say();
  while (progress.state === 'running') {
    await wait(lookAgainMs);
    progress = await migrations.progress(planId, progress.id);
    say();
  }
  const { rows } = await migrations.moves(planId, progress.id, { state: 'failed', limit: 100, after: null });
  if (json) console.log(JSON.stringify({ ...progress, failures: rows }, null, 2));
  else {
    for (const row of rows) console.log(`  ${row.customer_id}  ${row.reason_code ?? ''}: ${row.reason ?? ''}`);
    if (progress.failed > rows.length) console.log(`  and ${progress.failed - rows.length} more.`);
  }
  return progress.failed + progress.remaining > 0 ? someStayed : 0;
}

function wishOf(values: ReturnType<typeof optionsAndNames<typeof known>>['values']): MigrationWish {
  const { to, from, when = 'period_end', proration = 'none', 'per-second': pace = '5' } = values;
  if (when !== 'now' && when !== 'period_end') throw new Refusal('--when is now or period_end.');
  if (proration !== 'none' && proration !== 'create_prorations' && proration !== 'always_invoice')
    throw new Refusal('--proration is none, create_prorations or always_invoice.');
  const per_second = wholeNumber('--per-second', pace);
  if (per_second > 20) throw new Refusal('--per-second is 20 at most.');
  return {
    when,
    proration_behavior: proration,
    per_second,
    ...(to === undefined ? {} : { to_version: wholeNumber('--to', to) }),
    ...(from === undefined ? {} : { from_versions: from.split(',').map((each) => wholeNumber('--from', each)) }),
  };
}

function wholeNumber(option: string, text: string): number {
  if (/^[1-9]\d{0,5}$/.test(text)) return Number(text);
  throw new Refusal(`${option} takes a whole number, not ${JSON.stringify(text)}.`);
}

function previewText(preview: MigrationPreview): string {
  const { plan_id, from_versions, to_version, total, moves, mrr, customers } = preview;
  const head = `${plan_id}: ${moves} of ${total} customers would move from version ${from_versions.join(', ')} to ${to_version}.`;
  const lines = customers.map(({ customer_id, facts, decision }) => {
    const { currency, interval, amount_minor, quantity } = facts.terms;
    const now = formatMoney(amount_minor * quantity, currency);
    if (decision.effect !== 'move') return `  ${customer_id}  stays, ${decision.code}: ${decision.detail}`;
    const then = formatMoney(decision.terms.amount_minor * decision.terms.quantity, currency);
    return `  ${customer_id}  ${now} → ${then} a ${interval}, ${new Date(decision.at).toISOString()}`;
  });
  const rest = total > customers.length ? [`  and ${total - customers.length} more`] : [];
  return [head, ...lines, ...rest, ...mrr.map(mrrText), 'Nothing was changed.'].join('\n');
}

function mrrText({ currency, now_minor, moved_minor }: MigrationMrr): string {
  return `MRR ${formatMoney(now_minor, currency)} → ${formatMoney(moved_minor, currency)}`;
}
