import { existsSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { Refusal } from '../lib/refusal.ts';
import { Problem } from '../problem.ts';
import type { Proposal } from '../stripe/import/propose.ts';
import type { StripeImport } from '../stripe/import/service.ts';
import type { ImportCounts, ImportItem } from '../stripe/import/store.ts';
import { optionsAndNames } from './arguments.ts';
import { besideFarebox } from './beside.ts';

const known = {
  'dry-run': { type: 'boolean' },
  plan: { type: 'string', multiple: true },
  plans: { type: 'string' },
  json: { type: 'boolean' },
} as const;

/** Exit code while something was skipped; 1 is a failure. */
const someSkipped = 2;
/** Lines of what was skipped; the rest is read with --json, or from the API. */
const mostLines = 100;

/**
 * `farebox import stripe [--dry-run] [--plan price_…=pro]… [--plans FILE] [--json]`: proposes plans for the products of the
 * account, and takes over its customers and subscriptions. A run that was stopped goes on, here or in the running Farebox.
 */
export async function importStripe(args: string[]): Promise<number> {
  const { values, positionals } = optionsAndNames(args, known);
  if (positionals.length !== 1 || positionals[0] !== 'stripe')
    throw new Refusal('Say where from: farebox import stripe.');
  const path = values.plans === undefined ? null : resolve(values.plans);
  if (path !== null && existsSync(path)) throw new Refusal(`${path} exists. Name another file.`);
  const choices = Object.fromEntries((values.plan ?? []).map(choiceOf));
  const dry_run = values['dry-run'] === true;
  return await besideFarebox(async ({ stripeImport }) => {
    try {
      const proposal = await stripeImport.propose();
      if (path !== null) writeFileSync(path, stripeImport.sourceOf(proposal));
      const outcome = await carryOut(stripeImport, { dry_run, choices });
      if (values.json === true) console.log(JSON.stringify({ proposal, ...outcome }, null, 2));
      else console.log([...proposalLines(proposal, path), '', ...outcomeLines(outcome, dry_run)].join('\n'));
      return outcome.skipped.length > 0 ? someSkipped : 0;
    } catch (error) {
      throw error instanceof Problem ? new Refusal(error.message, { cause: error }) : error;
    }
  });
}

interface Outcome {
  counts: ImportCounts;
  skipped: ImportItem[];
}

/** One that was stopped is brought to its end instead: two would look at the same customers. */
async function carryOut(
  stripeImport: StripeImport,
  wish: { dry_run: boolean; choices: Record<string, string> },
): Promise<Outcome> {
  const before = await stripeImport.running();
  if (before !== null && before.dry_run !== wish.dry_run)
    throw new Refusal(`The ${before.dry_run ? 'dry run' : 'import'} ${before.id} is under way. Wait for it.`);
  const id = before?.id ?? (await stripeImport.start({ ...wish, actor: 'command line' }, 'caller'));
  if (before !== null) console.error(`Going on with ${id}, which was stopped.`);
  while (!(await stripeImport.page(id)));
  return await stripeImport.outcome(id);
}

function choiceOf(text: string): [string, string] {
  const [object = '', plan = '', ...more] = text.split('=');
  if (object === '' || plan === '' || more.length > 0)
    throw new Refusal(`--plan ${text}: write a price's or a product's id, = and a plan's id, like price_1AbC=pro.`);
  return [object, plan];
}

function proposalLines({ plans, skipped }: Proposal, path: string | null): string[] {
  const names = Object.entries(plans).map(([id, { name }]) => `  ${id}: ${name}`);
  const where = path === null ? 'Add --plans FILE for a price list with them.' : `They are in ${path}.`;
  return [
    names.length === 0
      ? 'Every product that a plan can be is in the price list.'
      : `Products that could be plans. ${where} Publish it with \`farebox push\`, then import.`,
    ...names,
    ...(skipped.length === 0 ? [] : ['What no plan can have:']),
    ...skipped.map(({ object_id, name, reason }) => `  ${object_id} (${name}): ${reason}`),
  ];
}

function outcomeLines({ counts, skipped }: Outcome, isDry: boolean): string[] {
  const line = (what: string, { made = 0, linked = 0, known: before = 0, skipped: left = 0 }: Record<string, number>) =>
    `${what}: ${made} ${isDry ? 'would be made' : 'made'}, ${linked} linked, ${before} known, ${left} skipped.`;
  const shown = skipped.slice(0, mostLines).map(({ object_id, reason }) => `  ${object_id}: ${reason ?? ''}`);
  const more = skipped.length > mostLines ? [`  and ${skipped.length - mostLines} more: add --json.`] : [];
  return [line('Customers', counts.customers), line('Subscriptions', counts.subscriptions), ...shown, ...more];
}
