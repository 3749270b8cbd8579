import { createId } from '../packages/server/src/lib/id.ts';

/** An event as a seller's API would send it. Its id begins with the time. */
export function usageEvent(customer_id: string, now: number) {
  return {
    id: createId('e', now),
    type: 'requests',
    customer_id,
    occurred_at: new Date(now).toISOString(),
    endpoint: '/v1/forecast',
    properties: { status: '200', region: 'eu' },
  };
}

export type BenchEvent = ReturnType<typeof usageEvent>;

/** So many events of customers at random, some of whom send much more than others. */
export function usageEvents(customers: readonly string[], count: number): BenchEvent[] {
  const now = Date.now();
  return Array.from({ length: count }, () => usageEvent(someone(customers), now));
}

function someone(customers: readonly string[]): string {
  return customers[Math.floor(Math.random() ** 3 * customers.length)] ?? '';
}
