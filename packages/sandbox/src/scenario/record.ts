import { createSandbox } from '../sandbox.ts';
import { compare, type Difference } from './compare.ts';
import { runScenario, type ScenarioResult, type World } from './run.ts';
import type { Scenario } from './scenario.ts';
import { answerOf, requestOf, sandboxWorld } from './world.ts';

/** Where a recording is made: Stripe itself, or a sandbox that stands for it. */
export interface RecordOptions {
  /** A test key of Stripe's. */
  key: string;
  /** `https://api.stripe.com` when left out. */
  base?: string;
}

/** What a scenario came to at Stripe and in a sandbox, and where the answers differ. */
export interface Recording {
  stripe: ScenarioResult;
  sandbox: ScenarioResult;
  steps: { step: number; what: string; differences: Difference[] }[];
}

const BASE = 'https://api.stripe.com';
const PAUSE_MS = 1_000;

/** Why a recording may not be made; `null` when it may. */
export function recordFlaw({ key, base = BASE }: RecordOptions): string | null {
  if (/^(sk|rk)_live_/.test(key)) return 'A live key is never used: a recording makes and changes objects.';
  if (!/^(sk|rk)_test_\w+$/.test(key)) return 'Set STRIPE_SECRET_KEY to a test key, sk_test_… or rk_test_….';
  const url = URL.canParse(base) ? new URL(base) : null;
  const is_here = url !== null && ['127.0.0.1', '[::1]', 'localhost'].includes(url.hostname);
  if (url === null || (url.protocol !== 'https:' && !is_here))
    return 'The address is one with https, or on this machine.';
  return null;
}

function stripeWorld({ key, base = BASE }: RecordOptions): World {
  const origin = new URL(base).origin;
  return {
    call: async (method, path, params) => await answerOf(await fetch(requestOf(origin, key, method, path, params))),
    sandbox: null,
    pause: () => new Promise((resolve) => setTimeout(resolve, PAUSE_MS)),
  };
}

/** Runs a scenario at Stripe and in a fresh sandbox, and compares the answers step by step. */
export async function record(scenario: Scenario, options: RecordOptions): Promise<Recording> {
  const flaw = recordFlaw(options);
  if (flaw !== null) throw new RangeError(flaw);
  const stripe = await runScenario(scenario, stripeWorld(options));
  const own = await createSandbox();
  try {
    const world = sandboxWorld(own, (request) => own.fetch(request), 'http://127.0.0.1', 'sk_test_record');
    const sandbox = await runScenario(scenario, world);
    const steps = stripe.steps.flatMap(({ answer, step, what }, index) => {
      const ours = sandbox.steps[index]?.answer ?? null;
      if (answer === null || ours === null) return [];
      return [{ step, what, differences: compare(answer.body, ours.body) }];
    });
    return { stripe, sandbox, steps };
  } finally {
    await own.close();
  }
}
