import { type DunningStage, dunningSteps } from './dunning.ts';
import { type Fields, join } from './fields.ts';

/** Reads the seller's steps for late payments: each harder and later than the one before. Null when there are none. */
export function readDunning(fields: Fields, value: unknown): DunningStage[] | null {
  if (value === undefined) return null;
  const stages: DunningStage[] = [];
  let rate_percent = 100;
  for (const [index, input] of fields.list(value, 'dunning').entries()) {
    const path = `dunning[${index}]`;
    const given = fields.object(input, path, ['step', 'after_days'], ['rate']);
    const step = fields.oneOf(given['step'], join(path, 'step'), dunningSteps, 'warn');
    const after_days = fields.integer(given['after_days'], join(path, 'after_days'), 0);
    if (after_days > 365) fields.fault(join(path, 'after_days'), 'must be at most 365');
    if (step === 'slow') rate_percent = readRate(fields, given['rate'], join(path, 'rate'));
    else if (given['rate'] !== undefined) fields.fault(join(path, 'rate'), "belongs to the step 'slow'");
    const before = stages.at(-1);
    if (before !== undefined && dunningSteps.indexOf(step) <= dunningSteps.indexOf(before.step))
      fields.fault(join(path, 'step'), `must be harder than '${before.step}': ${dunningSteps.join(', ')}`);
    if (before !== undefined && after_days <= before.after_days)
      fields.fault(join(path, 'after_days'), `must be later than ${before.after_days}`);
    stages.push({ step, after_days, rate_percent });
  }
  if (stages.length === 0) fields.fault('dunning', 'must be a list with a step in it');
  return stages;
}

function readRate(fields: Fields, value: unknown, path: string): number {
  if (value === undefined) return 25;
  const text = fields.shaped(value, path, /^[1-9]\d?%$/, "a part like '25%', from 1% to 99%");
  return text === '' ? 25 : Number(text.slice(0, -1));
}
