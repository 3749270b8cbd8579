import { parseArgs } from 'node:util';
import { readConfig, readEnvironment } from '../config.ts';
import { Refusal } from '../lib/refusal.ts';

type Known = NonNullable<NonNullable<Parameters<typeof parseArgs>[0]>['options']>;

/** The options of a command; what it does not know is refused in a sentence. */
export function options<const T extends Known>(args: string[], known: T) {
  return parsed(() => parseArgs({ args, options: known, strict: true })).values;
}

/** Options, and what stands among them without a name. */
export function optionsAndNames<const T extends Known>(args: string[], known: T) {
  return parsed(() => parseArgs({ args, options: known, strict: true, allowPositionals: true }));
}

function parsed<R>(parse: () => R): R {
  try {
    return parse();
  } catch (error) {
    throw new Refusal(error instanceof Error ? error.message : String(error), { cause: error });
  }
}

/** Needs the database and Stripe's key of the environment, and none of the secrets a server has. */
export function configuration(): ReturnType<typeof readConfig> {
  return readConfig('dev', {
    FAREBOX_SECRET: 'only to reach the database, never used',
    STRIPE_WEBHOOK_SECRET: 'whsec_never_used',
    ...readEnvironment(),
  });
}
