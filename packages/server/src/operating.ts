import { formatMoney } from '@farebox/core';
import type { Analytics } from './analytics/queries.ts';
import type { AppOptions } from './app.ts';
import type { OperatorMail } from './config.ts';
import type { Customers } from './customers/service.ts';
import type { Tx } from './db/database.ts';
import { type OperatorText, createDigests } from './notices/digests/service.ts';
import type { Notices } from './notices/service.ts';
import type { Plans } from './plans/service.ts';
import type { Clock } from './ports.ts';
import type { Queue } from './queue/queue.ts';
import type { SubscriptionRow } from './subscriptions/store.ts';
import type { Telling } from './telling.ts';

/** So much of what a customer wrote stands in a mail. */
const mostComment = 500;

/** Joins what the seller is mailed: some things at once, the rest in the morning. Its part of `createApp`. */
export function connectOperating(
  deps: Pick<AppOptions, 'config' | 'list' | 'db' | 'clock'> & {
    queue: Queue;
    plans: Pick<Plans, 'ofPrice'>;
    customers: Pick<Customers, 'find' | 'byIds'>;
    notices: Pick<Notices, 'enqueue'>;
    telling: Pick<Telling, 'money'>;
    analytics: Pick<Analytics, 'revenue'>;
  },
) {
  const { config, queue, customers } = deps;
  const digests = createDigests({
    ...deps,
    customersByIds: (ids) => customers.byIds(ids),
    revenue: deps.analytics.revenue,
    send: (tx, kind, name, text) => mail(tx, kind, name, 'admin', text),
  });
  queue.work('digests.day', digests.day);
  queue.work('digests.week', digests.week);
  queue.every('0 7 * * *', 'digests.day');
  queue.every('30 7 * * 1', 'digests.week');

  return { money: createMoneyMails({ ...deps, mail }), digests };

  async function mail(tx: Tx, kind: OperatorMail, name: string, path: string, text: OperatorText): Promise<void> {
    if (!config.operator_mails.includes(kind)) return;
    await deps.notices.enqueue(tx, {
      kind: 'operator_notice',
      dedupe_key: `operator:${name}`,
      recipient: deps.list.seller.support_email,
      customer_id: null,
      data: { ...text, page_url: `${config.base_url}/${path}` },
    });
  }
}

/** As webhooks hear of money, with the mails that follow in the same transaction. */
function createMoneyMails(deps: {
  clock: Clock;
  plans: Pick<Plans, 'ofPrice'>;
  customers: Pick<Customers, 'find'>;
  telling: Pick<Telling, 'money'>;
  mail(tx: Tx, kind: OperatorMail, name: string, path: string, text: OperatorText): Promise<void>;
}): Telling['money'] {
  const { customers, telling } = deps;
  const money: Telling['money'] = {
    ...telling.money,
    async subscription(tx, of, before, after) {
      await telling.money.subscription(tx, of, before, after);
      const isSudden = of.type === 'subscription.canceled' && before?.cancel_at == null;
      if (of.type === 'subscription.cancel_scheduled' || isSudden) await left(tx, of.dedupe_key, after);
    },
    async charge(tx, of, before, after) {
      await telling.money.charge(tx, of, before, after);
      if (of.type !== 'dispute.opened') return;
      const name = await nameOf(tx, after.customer_id);
      await deps.mail(tx, 'dispute', of.dedupe_key, `admin/customers/${after.customer_id}`, {
        title: `${name} disputes a payment`,
        sentence: `The bank has taken ${formatMoney(after.amount_minor, after.currency)} back. Answer it at Stripe before its evidence is due.`,
        rows: [],
      });
    },
    async drift(tx, found) {
      await telling.money.drift(tx, found);
      const count = found.found.length;
      await deps.mail(tx, 'drift', `drift:${deps.clock.now()}`, 'admin/reconciliation', {
        title: count === 1 ? 'One difference from Stripe' : `${count} differences from Stripe`,
        sentence: `${found.checked} objects were compared. What could be put right was; the page says what was not.`,
        rows: [],
      });
    },
  };
  return money;

  async function left(tx: Tx, name: string, row: SubscriptionRow): Promise<void> {
    const who = await nameOf(tx, row.customer_id);
    const plan = await deps.plans.ofPrice(tx, row.plan_price_id);
    const when = row.cancel_at === null || row.ended_at !== null ? 'has ended' : `ends on ${dayOf(row.cancel_at)}`;
    const rows = [
      ...(row.cancel_reason === null
        ? []
        : [{ description: 'Reason', amount: row.cancel_reason.replaceAll('_', ' ') }]),
      ...(row.cancel_comment === null ? [] : [{ description: 'Comment', amount: oneLine(row.cancel_comment) }]),
    ];
    await deps.mail(tx, 'cancellation', name, `admin/customers/${row.customer_id}`, {
      title: `${who} leaves ${plan.name}`,
      sentence: `The subscription of ${plan.name} ${when}.`,
      rows,
    });
  }

  async function nameOf(tx: Tx, customerId: string): Promise<string> {
    return oneLine((await customers.find(tx, customerId))?.name ?? 'A customer');
  }
}

/** What somebody else wrote, without what could begin a line of its own. */
function oneLine(text: string): string {
  return text
    .replaceAll(/[\p{Cc}\p{Zl}\p{Zp}\u202A-\u202E\u2066-\u2069]+/gu, ' ')
    .trim()
    .slice(0, mostComment);
}

function dayOf(at: Date): string {
  return at.toISOString().slice(0, 10);
}
