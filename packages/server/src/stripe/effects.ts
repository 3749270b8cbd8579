import {
  type DunningStage,
  type MeasuredMeters,
  type PricedPlan,
  formatMoney,
  measuredElsewhere,
  withAddOns,
} from '@farebox/core';
import type { Tx } from '../db/database.ts';
import type { Clock } from '../ports.ts';
import type { Queue } from '../queue/queue.ts';
import { type SubscriptionRow, markUsageDue } from '../subscriptions/store.ts';
import { type PhaseRow, termsIdOf } from '../subscriptions/phases.ts';
import { noteMeteredPeriods } from '../usage/metered/store.ts';
import { type PricedPhase, type ReportableSubscription, meteredPeriods, usageDueAt } from '../usage/report.ts';
import { type ToldOfMoney, tellTransitions } from './life-events.ts';
import {
  type MoneyNotice,
  type Person,
  confirmation,
  invoiceNotices,
  lifeNotices,
  refundNotices,
} from './life-notices.ts';
import type { Mirrored } from './sync.ts';

/** Stripe's statuses under which the customer has what it bought. */
const entitling: ReadonlySet<string> = new Set(['active', 'trialing', 'past_due']);

/**
 * What follows from a mirror, in its transaction: the first key and the welcome when a subscription starts, a receipt when
 * an invoice is paid, the bill for usage when a period has closed, the undoing of a second sale. Each is keyed by what it
 * follows from, so that a repeated mirror adds nothing. What happened before a customer was taken over from Stripe is told to
 * nobody again.
 */
export function createEffects(deps: {
  queue: Pick<Queue, 'enqueue'>;
  clock: Clock;
  dunning: readonly DunningStage[];
  personOf(customerName: string): Person;
  planOfPrice(tx: Tx, planPriceId: string): Promise<PricedPlan>;
  phasesOf(tx: Tx, subscriptionId: string): Promise<PhaseRow[]>;
  mintFirst(tx: Tx, customerId: string): Promise<{ key_start: string } | null>;
  notify(tx: Tx, customerId: string, notice: MoneyNotice): Promise<void>;
  /** The same for programs: the webhooks' outbox. */
  told: ToldOfMoney;
  closePeriods(tx: Tx, subscription: ReportableSubscription, phases: readonly PricedPhase[]): Promise<string[]>;
  /** Writes down that a second sale is to be undone. */
  undo(tx: Tx, customerId: string, stripeSubscriptionId: string): Promise<void>;
  invalidate(tx: Tx, customerId: string): Promise<void>;
}) {
  return async function effects(tx: Tx, mirrored: Mirrored): Promise<boolean> {
    const { customer_id, imported_at } = mirrored;
    const { bases, duplicates, subscriptions, is_news } = mirrored.subscriptions;
    const person = deps.personOf(mirrored.customer_name);
    const isOld = (at: Date) => imported_at !== null && at < imported_at;
    for (const base of is_news ? bases : [])
      if (entitling.has(base.status) && !isOld(base.stripe_created_at)) await welcome(tx, mirrored, base, person);
    for (const { row, lines } of mirrored.invoices.newly_paid) {
      if (isOld(row.paid_at ?? row.stripe_created_at)) continue;
      await deps.notify(tx, customer_id, {
        kind: 'receipt',
        dedupe_key: `receipt:${row.stripe_invoice_id}`,
        data: {
          name: person.name,
          invoice_number: row.number ?? row.stripe_invoice_id,
          amount: formatMoney(row.amount_paid_minor, row.currency),
          paid_on: (row.paid_at ?? row.stripe_created_at).toISOString().slice(0, 10),
          lines: lines.map((line) => ({
            description: line.description,
            amount: formatMoney(line.amount_minor, row.currency),
          })),
          invoice_url: row.hosted_url,
          pdf_url: row.pdf_url,
        },
      });
    }
    await tell(tx, mirrored, person);
    for (const { before, after } of mirrored.charges) {
      if (before === null && isOld(after.stripe_created_at)) continue;
      for (const notice of refundNotices(before, after, person)) await deps.notify(tx, customer_id, notice);
    }
    await tellTransitions(tx, deps.told, mirrored, { isOld, now: deps.clock.now() });
    const older: MeasuredMeters[] = [];
    let billed = 0;
    for (const subscription of subscriptions) billed += await bill(tx, subscription, older);
    for (const id of duplicates) await deps.undo(tx, customer_id, id);
    const hasChanged = is_news || billed > 0;
    if (hasChanged) await deps.invalidate(tx, customer_id);
    return hasChanged;
  };

  async function welcome(tx: Tx, mirrored: Mirrored, base: SubscriptionRow, person: Person): Promise<void> {
    const minted = await deps.mintFirst(tx, base.customer_id);
    const change = mirrored.subscriptions.changes.find(({ after }) => after.id === base.id);
    const isNew = change !== undefined && (change.before === null || change.before.status === 'incomplete');
    if (minted === null && !isNew) return;
    const plan = await deps.planOfPrice(tx, base.plan_price_id);
    if (minted === null) return await deps.notify(tx, base.customer_id, confirmation(base, plan, person));
    await deps.notify(tx, base.customer_id, {
      kind: 'welcome',
      dedupe_key: `welcome:${base.customer_id}`,
      data: { ...person, plan_name: plan.name, key_start: minted.key_start },
    });
  }

  /** What changed since the read before, and what is about to. */
  async function tell(tx: Tx, mirrored: Mirrored, person: Person): Promise<void> {
    const now = deps.clock.now();
    const { open } = mirrored.invoices;
    for (const { before, after } of mirrored.subscriptions.changes) {
      const plan = await deps.planOfPrice(tx, after.plan_price_id);
      const next = after.scheduled_price_id === null ? null : await deps.planOfPrice(tx, after.scheduled_price_id);
      const owed = open.find((invoice) => invoice.subscription_id === after.id) ?? null;
      for (const notice of lifeNotices({ before, after, plan, next, owed }, person, deps.dunning, now))
        await deps.notify(tx, mirrored.customer_id, notice);
    }
    for (const invoice of open) {
      // One of a top-up is not owed: what became of it is told with the top-up.
      if (invoice.subscription_id === null) continue;
      const subscription =
        mirrored.subscriptions.subscriptions.find(({ id }) => id === invoice.subscription_id) ?? null;
      for (const notice of invoiceNotices(invoice, subscription, person, deps.dunning, now))
        await deps.notify(tx, mirrored.customer_id, notice);
    }
  }

  /** With what came on top of it, and by what each meter is priced: the plan, or else the first add-on that brings it. */
  async function planOf(
    tx: Tx,
    { plan_price_id, add_ons }: PhaseRow,
  ): Promise<{ plan: PricedPlan; price_ids: Map<string, string> }> {
    const base = await deps.planOfPrice(tx, plan_price_id);
    const price_ids = new Map(base.usage.map(({ meter_id }) => [meter_id, plan_price_id]));
    const held: { plan: PricedPlan; quantity: number }[] = [];
    for (const addOn of add_ons) {
      const plan = await deps.planOfPrice(tx, addOn.plan_price_id);
      held.push({ plan, quantity: addOn.quantity });
      for (const { meter_id } of plan.usage) if (!price_ids.has(meter_id)) price_ids.set(meter_id, addOn.plan_price_id);
    }
    return { plan: withAddOns(base, held), price_ids };
  }

  /** `older`: what the subscriptions before it measure; what this one measures is added. Answers how much it closed. */
  async function bill(tx: Tx, subscription: SubscriptionRow, older: MeasuredMeters[]): Promise<number> {
    if (
      subscription.superseded ||
      subscription.status === 'incomplete' ||
      subscription.status === 'incomplete_expired'
    ) {
      await noteDue(tx, subscription, null);
      return 0;
    }
    const phases: PricedPhase[] = [];
    const measured: MeasuredMeters[] = [];
    const terms = await deps.phasesOf(tx, subscription.id);
    for (const [index, phase] of terms.entries()) {
      const { plan, price_ids } = await planOf(tx, phase);
      const meters = plan.usage.map(({ meter_id }) => meter_id);
      const own = { group: subscription.group, from_at: phase.from_at.getTime(), meters };
      const elsewhere = measuredElsewhere(older, own);
      const usage = plan.usage.filter(({ meter_id }) => !elsewhere.includes(meter_id));
      phases.push({ ...phase, terms_id: termsIdOf(phase), price_ids, plan: { ...plan, usage } });
      const end = terms[index + 1]?.from_at ?? subscription.ended_at;
      measured.push({ ...own, ended_at: end?.getTime() ?? null });
    }
    older.push(...measured);
    const reports = await deps.closePeriods(tx, subscription, phases);
    for (const report_id of reports) await deps.queue.enqueue(tx, { name: 'usage.report', data: { report_id } });
    const now = deps.clock.now();
    if (await noteMeteredPeriods(tx, subscription, meteredPeriods(subscription, phases, now), now))
      await deps.queue.enqueue(tx, { name: 'usage.meters', data: { customer_id: subscription.customer_id } });
    await noteDue(tx, subscription, usageDueAt(subscription, phases, now));
    return reports.length;
  }

  async function noteDue(tx: Tx, { id, usage_due_at }: SubscriptionRow, due: number | null): Promise<void> {
    if ((usage_due_at?.getTime() ?? null) !== due) await markUsageDue(tx, id, due === null ? null : new Date(due));
  }
}
