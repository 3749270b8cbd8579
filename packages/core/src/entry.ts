import type { GateKey } from './limit.ts';
import type { Instant } from './plan.ts';
import type { PlanTakes } from './plan-takes.ts';
import type { PricedPlan } from './priced-plan.ts';
import type { Spending } from './spending.ts';

/** A key as the gate keeps it: its first part. */
export interface Entry extends GateKey {
  /** All parts of the key, itself the first: one for each subscription and each meter of its plan. Null where it is the only one. */
  parts: readonly Entry[] | null;
  /** The period `quota_used` was read for; in any other one nothing was used when it was read. */
  quota_period_start_at: Instant | null;
  /** The same for `key_used`. */
  budget_period_start_at: Instant | null;
  /** The cap over what its customer's usage costs; null: none. */
  spending: Spending | null;
  /** When another plan counts by itself, and which: overrides that end. */
  plan_next: { from_at: Instant; plan: PricedPlan | null } | null;
  /** What to take from, made at the first request and again in each period. The gate's own. */
  plan_takes: PlanTakes | null;
}

/** A part of an entry as it is sent: without what its holder makes of it. */
export type EntryPart = Omit<Entry, 'parts' | 'plan_takes'>;

/** Parts joined under the first, which is what the key is held as; null where there are none. */
export function joinParts(parts: readonly Entry[]): Entry | null {
  if (parts.length > 1) for (const part of parts) part.parts = parts;
  return parts[0] ?? null;
}

/** An entry in the form it is sent in. */
export function sentParts(entry: Entry): EntryPart[] {
  return (entry.parts ?? [entry]).map(({ parts: _parts, plan_takes: _takes, ...part }) => part);
}

/** The other way; null where there is no part. */
export function receivedEntry(parts: readonly EntryPart[]): Entry | null {
  return joinParts(parts.map((part) => ({ ...part, parts: null, plan_takes: null })));
}
