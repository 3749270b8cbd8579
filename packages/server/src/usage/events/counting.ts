import { type Meter, type MeteredEvent, eventTypesOf, measure } from '@farebox/core';

/** By meter what it makes of an event, as `measure` says. */
export function createCounting(meters: readonly Meter[]): (event: MeteredEvent) => Record<string, string> {
  const byType = new Map<string, Meter[]>();
  for (const meter of meters)
    for (const type of new Set(eventTypesOf(meter))) byType.set(type, [...(byType.get(type) ?? []), meter]);
  return (event) => {
    const counted: Record<string, string> = {};
    for (const meter of byType.get(event.type) ?? []) {
      const measured = measure(meter, event);
      if (measured.counted) counted[meter.id] = measured.amount;
    }
    return counted;
  };
}
