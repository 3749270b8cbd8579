import type { PlanDifference } from './plan-words.ts';
import { eventTypesOf } from './meter.ts';
import type { Meter } from './plan.ts';

/** What a push does to a meter. What was counted before it stays counted as it was. */
export interface MeterChange {
  meter_id: string;
  name: string;
  type: 'new' | 'changed' | 'removed' | 'unchanged';
  /** Of a changed one. */
  differences: PlanDifference[];
}

/** Compares the meters of two price lists: those of the newer in its order, then those that it no longer has. */
export function diffMeters(before: readonly Meter[], after: readonly Meter[]): MeterChange[] {
  const changes = after.map((meter): MeterChange => {
    const { id: meter_id, name } = meter;
    const known = before.find(({ id }) => id === meter_id);
    if (known === undefined) return { meter_id, name, type: 'new', differences: [] };
    const differences = differencesOf(known, meter);
    return { meter_id, name, type: differences.length === 0 ? 'unchanged' : 'changed', differences };
  });
  const gone = before.filter(({ id }) => !after.some((meter) => meter.id === id));
  return [
    ...changes,
    ...gone.map(({ id: meter_id, name }): MeterChange => ({ meter_id, name, type: 'removed', differences: [] })),
  ];
}

function differencesOf(before: Meter, after: Meter): PlanDifference[] {
  const old = new Map(describe(before));
  const young = new Map(describe(after));
  return [...new Set([...young.keys(), ...old.keys()])]
    .map((path) => ({ path, before: old.get(path) ?? null, after: young.get(path) ?? null }))
    .filter((line) => line.before !== line.after);
}

function describe(meter: Meter): [path: string, words: string][] {
  const filters = Object.entries(meter.filters ?? {});
  return [
    ['name', meter.name],
    ['unit', meter.unit],
    ['aggregation', meter.aggregation],
    ['events', eventTypesOf(meter).join(', ')],
    ...(meter.value === undefined ? [] : [['value', meter.value] satisfies [string, string]]),
    ...filters.map(([name, values]): [string, string] => [`filters.${name}`, values.join(' or ')]),
    ...(meter.group_by === undefined ? [] : [['group_by', meter.group_by.join(', ')] satisfies [string, string]]),
  ];
}
