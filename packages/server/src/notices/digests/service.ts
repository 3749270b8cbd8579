import { type WebhookEventType, formatMoney } from '@farebox/core';
import { z } from 'zod';
import type { Database, Tx } from '../../db/database.ts';
import type { Clock } from '../../ports.ts';
import { type Happened, countsIn, happenedIn } from './store.ts';

const dayMs = 86_400_000;
/** Lines of one mail; what is beyond is counted. */
const mostRows = 50;

/** A mail to the seller, beside the page it leads to. */
export interface OperatorText {
  title: string;
  sentence: string;
  rows: { description: string; amount: string }[];
}

const dayTypes = [
  'subscription.created',
  'subscription.changed',
  'invoice.payment_failed',
] as const satisfies readonly WebhookEventType[];

/** What a week is counted by, with its words. */
const weekTypes = [
  ['subscription.created', 'New subscriptions'],
  ['subscription.canceled', 'Subscriptions that ended'],
  ['invoice.payment_failed', 'Failed payments'],
  ['refund.created', 'Refunds'],
  ['dispute.opened', 'Disputes'],
] as const satisfies readonly [WebhookEventType, string][];

const planned = z.object({ plan_name: z.string() });
const owed = z.object({ amount_due_minor: z.int(), currency: z.string() });

/** What the seller reads in the morning. Each day and each week once, over several workers; days are UTC. */
export function createDigests(deps: {
  db: Database;
  clock: Clock;
  customersByIds(ids: readonly string[]): Promise<Map<string, { name: string }>>;
  revenue(): Promise<{ currencies: { currency: string; mrr_minor: number; subscriptions: number }[] }>;
  /** Writes the mail, unless one of this name was. */
  send(tx: Tx, kind: 'daily' | 'weekly', name: string, text: OperatorText): Promise<void>;
}) {
  const { db, clock } = deps;

  function span(days: number) {
    const to = clock.now() - (clock.now() % dayMs);
    return { from: new Date(to - days * dayMs), to: new Date(to) };
  }

  return {
    /** The job `digests.day`: who came, changed and could not pay yesterday. A day without any is told of by nothing. */
    async day(): Promise<void> {
      const yesterday = span(1);
      const counts = await countsIn(db.kysely, yesterday, dayTypes);
      const found = await happenedIn(db.kysely, yesterday, dayTypes, mostRows);
      if (found.length === 0) return;
      const sorted = dayTypes.flatMap((type) => found.filter((happened) => happened.type === type));
      const customers = await deps.customersByIds(found.flatMap(({ customer_id }) => customer_id ?? []));
      const nameOf = (id: string | null) => customers.get(id ?? '')?.name ?? 'a customer who is gone';
      const more = [...counts.values()].reduce((sum, count) => sum + count, 0) - found.length;
      const of = (type: WebhookEventType) => counts.get(type) ?? 0;
      const failed = of('invoice.payment_failed');
      const day = yesterday.from.toISOString().slice(0, 10);
      const text = {
        title: `Yesterday: ${of('subscription.created')} new, ${of('subscription.changed')} changed, ${failed} failed to pay`,
        sentence: `What happened on ${day} (UTC).`,
        rows: [
          ...sorted.map((happened) => rowOf(happened, nameOf(happened.customer_id))),
          ...(more > 0 ? [{ description: 'And more, in the event log', amount: String(more) }] : []),
        ],
      };
      await db.transaction((tx) => deps.send(tx, 'daily', `day:${day}`, text));
    },

    /** The job `digests.week`: what the seven days before came to. */
    async week(): Promise<void> {
      const week = span(7);
      const types = weekTypes.map(([type]) => type);
      const counts = await countsIn(db.kysely, week, types);
      const { currencies } = await deps.revenue();
      const first = week.from.toISOString().slice(0, 10);
      const last = new Date(week.to.getTime() - 1).toISOString().slice(0, 10);
      const subscriptions = currencies.reduce((sum, each) => sum + each.subscriptions, 0);
      const text = {
        title: 'The week in numbers',
        sentence: `From ${first} to ${last} (UTC).`,
        rows: [
          ...currencies.map(({ currency, mrr_minor }) => ({
            description: 'Monthly recurring revenue now',
            amount: formatMoney(mrr_minor, currency),
          })),
          { description: 'Subscriptions now', amount: String(subscriptions) },
          ...weekTypes.map(([type, description]) => ({ description, amount: String(counts.get(type) ?? 0) })),
        ],
      };
      await db.transaction((tx) => deps.send(tx, 'weekly', `week:${first}`, text));
    },
  };
}

function rowOf({ type, data }: Happened, name: string): { description: string; amount: string } {
  if (type === 'invoice.payment_failed') {
    const { amount_due_minor, currency } = owed.parse(data.object);
    return { description: `Payment failed: ${name}`, amount: formatMoney(amount_due_minor, currency) };
  }
  const { plan_name } = planned.parse(data.object);
  if (type === 'subscription.created') return { description: `New: ${name}`, amount: plan_name };
  const was = planned.safeParse(data.previous_attributes ?? {});
  return { description: `Changed: ${name}`, amount: was.success ? `${was.data.plan_name} → ${plan_name}` : plan_name };
}
