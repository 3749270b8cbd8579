import { parseArgs } from 'node:util';
import { Refusal } from '../lib/refusal.ts';
import type { Reconciliation } from '../stripe/reconcile/service.ts';
import { besideFarebox } from './beside.ts';

/** Exit code while something differs that was not repaired; 1 is a failure. */
const differs = 2;

/**
 * `farebox reconcile [--repair] [--json]`: what differs between here and Stripe, in words; with `--repair` everything that has
 * one right answer is put right. Runs beside a running Farebox, which does the same every night.
 */
export async function reconcile(args: string[]): Promise<number> {
  const { repair = false, json = false } = options(args);
  return await besideFarebox(async (app) => {
    const result = await app.stripe.reconcile({ repair });
    console.log(json ? JSON.stringify(result, null, 2) : reconciliationText(result));
    return result.found.every(({ repaired }) => repaired) ? 0 : differs;
  });
}

/** One line for each difference, and what became of it. */
export function reconciliationText({ checked, found }: Reconciliation): string {
  const lines = found.map(({ kind, detail, repair, repaired }) => {
    const then = repaired ? 'Repaired.' : repair === null ? 'This is for a person to decide.' : 'Add --repair.';
    return `  ${kind.padEnd(20)} ${detail} ${then}`;
  });
  const head =
    found.length === 0
      ? `Nothing differs; ${checked} objects of Stripe were looked at.`
      : `${found.length} of ${checked} objects of Stripe differ or are missing:`;
  return [head, ...lines].join('\n');
}

function options(args: string[]) {
  try {
    const known = { repair: { type: 'boolean' }, json: { type: 'boolean' } } as const;
    return parseArgs({ args, options: known, strict: true }).values;
  } catch (error) {
    throw new Refusal(error instanceof Error ? error.message : String(error), { cause: error });
  }
}
