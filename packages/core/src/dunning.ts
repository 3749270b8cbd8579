import type { Instant } from './plan.ts';

/** What happens to access while a payment is owed, from the mildest to the hardest. */
export const dunningSteps = ['warn', 'slow', 'read_only', 'block'] as const;
export type DunningStep = (typeof dunningSteps)[number];

/** One step of the seller's policy: from so many days after the payment failed. */
export interface DunningStage {
  step: DunningStep;
  after_days: number;
  /** What is left of every rate limit, in percent; 100 but in and after `slow`. */
  rate_percent: number;
}

/** Where a customer who owes stands at an instant. */
export interface DunningState {
  step: DunningStep;
  rate_percent: number;
  /** When the payment failed. */
  since_at: Instant;
  next: { step: DunningStep; at: Instant } | null;
}

const dayMs = 86_400_000;

/** A notice in a header for so many days, then nothing passes: the policy of who names none. */
export function defaultDunning(grace_days: number): DunningStage[] {
  const block: DunningStage = { step: 'block', after_days: grace_days, rate_percent: 100 };
  return grace_days === 0 ? [block] : [{ step: 'warn', after_days: 0, rate_percent: 100 }, block];
}

/**
 * The stage in force at `now`, or null when none has begun. A function of when the payment failed and of time alone, so that
 * it needs no event to harden and is gone the moment nothing is owed any more. A stage holds its first instant.
 */
export function stageAt(stages: readonly DunningStage[], since_at: Instant, now: Instant): DunningStage | null {
  let found: DunningStage | null = null;
  for (const stage of stages) {
    if (now < since_at + stage.after_days * dayMs) break;
    found = stage;
  }
  return found;
}

/** The stage with what comes next, for whoever is told. */
export function dunningAt(stages: readonly DunningStage[], since_at: Instant, now: Instant): DunningState | null {
  const stage = stageAt(stages, since_at, now);
  if (stage === null) return null;
  const after = stages[stages.indexOf(stage) + 1];
  const next = after === undefined ? null : { step: after.step, at: since_at + after.after_days * dayMs };
  return { step: stage.step, rate_percent: stage.rate_percent, since_at, next };
}

/** Of several subscriptions that owe, the one furthest along; of equals, the one that has owed for longest. */
export function strictest<T extends Pick<DunningState, 'step' | 'since_at'>>(states: readonly T[]): T | null {
  const [first] = states.toSorted(
    (a, b) => dunningSteps.indexOf(b.step) - dunningSteps.indexOf(a.step) || a.since_at - b.since_at,
  );
  return first ?? null;
}

/** What a rate limit is while only a part of it is given: never less than one, or nothing could pass at all. */
export function slowed(limit: number, rate_percent: number): number {
  return Math.max(1, Math.floor((limit * rate_percent) / 100));
}

/** Whether a scope only reads, by its name: `read`, or one that ends in `:read` or `.read`. No scope is not reading. */
export function isReadScope(scope: string | null): boolean {
  return scope !== null && /(^|[:.])read$/.test(scope);
}
