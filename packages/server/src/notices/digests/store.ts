import type { WebhookEventType } from '@farebox/core';
import { sql } from 'kysely';
import type { Reader } from '../../db/database.ts';
import type { EventData } from '../webhooks/store.ts';

/** Something that happened, as webhooks were told of it. */
export interface Happened {
  type: string;
  customer_id: string | null;
  data: EventData;
}

/** `from` counts, `to` does not. */
export interface Span {
  from: Date;
  to: Date;
}

/** Events of these types, in their order. */
export async function happenedIn(
  db: Reader,
  { from, to }: Span,
  types: readonly WebhookEventType[],
  limit: number,
): Promise<Happened[]> {
  return await db
    .selectFrom('event')
    .select(['type', 'customer_id'])
    .select(sql<EventData>`data`.as('data'))
    .where('type', 'in', types)
    .where('created_at', '>=', from)
    .where('created_at', '<', to)
    .orderBy('created_at')
    .orderBy('id')
    .limit(limit)
    .execute();
}

/** How many events there were of each of these types. */
export async function countsIn(
  db: Reader,
  { from, to }: Span,
  types: readonly WebhookEventType[],
): Promise<Map<string, number>> {
  const rows = await db
    .selectFrom('event')
    .select((eb) => ['type', eb.fn.countAll<number>().as('events')])
    .where('type', 'in', types)
    .where('created_at', '>=', from)
    .where('created_at', '<', to)
    .groupBy('type')
    .execute();
  return new Map(rows.map(({ type, events }) => [type, Number(events)]));
}
