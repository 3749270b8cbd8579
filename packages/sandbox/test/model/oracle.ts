import { Books } from './books.ts';
import { monthsAfter, share } from './exact.ts';
import {
  type Behavior,
  type Card,
  type Change,
  type Coupon,
  type Discount,
  type Invoice,
  type Item,
  type PauseBehavior,
  type Price,
  Refused,
  type Span,
  type Subscription,
} from './things.ts';

const HOUR = 3_600;
const DAY = 86_400;

/**
 * A second, naive Stripe: one customer, one subscription at a time, everything recomputed from what was billed. It is
 * written from Stripe's documented behaviour and shares no code with the sandbox.
 */
export class Oracle extends Books {
  subscribe(wish: {
    items: { price: Price; quantity: number }[];
    behavior: Behavior;
    trial_days: number | null;
    coupon: Coupon | null;
    tax: string | null;
  }): void {
    const pays_later = wish.behavior === 'default_incomplete';
    if (this.card === null && !pays_later && wish.trial_days === null) throw new Refused(400);
    const trial_end = wish.trial_days === null ? null : this.now + wish.trial_days * DAY;
    const anchor = trial_end ?? this.now;
    const period = { start: this.now, end: trial_end ?? monthsAfter(this.now, 1) };
    const sub: Subscription = {
      status: 'incomplete',
      anchor,
      created: this.now,
      period,
      items: wish.items.map(({ price, quantity }) => ({
        name: (this.names += 1),
        price,
        quantity: price.metered ? 0 : quantity,
        period,
      })),
      trial_end,
      cancel_at: null,
      at_period_end: false,
      collection: null,
      discounts: wish.coupon === null ? [] : [this.redeemed(wish.coupon)],
      parked: null,
      tax: wish.tax,
      latest: null,
      ended_at: null,
    };
    const bills = sub.items.some((item) => !item.price.metered) || this.waiting(sub).length > 0;
    const charge = this.ahead(sub)
      .concat(this.waiting(sub))
      .reduce((all, line) => all + line.amount, 0);
    const asks_now = bills && charge > 0 && !pays_later;
    // Only whether it can be paid at all: the exact amount does not matter to a card that never pays.
    if (wish.behavior === 'error_if_incomplete' && asks_now && this.card !== 'good' && this.wouldOwe(sub))
      throw new Refused(402);
    this.subscription = sub;
    const live = trial_end === null ? 'active' : 'trialing';
    if (!bills) {
      sub.status = live;
      return;
    }
    const invoice = this.draft(sub, {
      reason: 'subscription_create',
      period: { start: this.now, end: this.now },
      lines: this.ahead(sub),
      finalizes_at: null,
      auto: true,
    });
    this.finalize(invoice);
    if (invoice.status === 'paid') sub.status = live;
    else if (
      !pays_later &&
      this.card !== null &&
      this.attempt(invoice, { card: this.card, off_session: false, automatic: true }) === 'paid'
    )
      sub.status = live;
  }

  /** Whether a first invoice leaves something to pay, found out on copies. */
  protected wouldOwe(sub: Subscription): boolean {
    const lines = [...this.waiting(sub), ...this.ahead(sub)].map((line) => ({ ...line }));
    this.takeOff(lines, lines.some((line) => line.discountable && line.amount !== 0) ? sub.discounts : []);
    const invoice = { lines, subscription: sub, status: 'draft', total: 0, due: 0 } as Partial<Invoice> as Invoice;
    this.sum(invoice);
    return this.owed(invoice) > 0;
  }

  protected redeemed(coupon: Coupon): Discount {
    const end = typeof coupon.months === 'number' ? monthsAfter(this.now, coupon.months) : null;
    return { coupon, end, spent: false };
  }

  /** Gives back what an item was charged for the time after `at`, in its running period: what was cut off before is forgone. */
  protected giveBack(item: Item, at: number): void {
    const billed = [
      ...this.invoices.filter((each) => each.status !== 'void').flatMap((each) => each.lines),
      ...this.pending,
    ];
    const charges = billed.filter((line) => line.item === item.name && line.gives_back === null && !line.usage);
    for (const charge of charges) {
      const whole = charge.whole ?? { gross: charge.amount, amount: charge.amount - charge.off, period: charge.period };
      const given = billed.filter((line) => line.gives_back === charge).map((line) => line.period.start);
      const span = { start: Math.max(at, charge.period.start), end: Math.min(charge.period.end, ...given) };
      if (charge.period.start < item.period.start || span.end <= span.start || whole.gross === 0) continue;
      const amount = -share(whole.amount, span.end - span.start, whole.period.end - whole.period.start) || 0;
      this.pending.push(
        this.line({
          amount,
          period: span,
          quantity: charge.quantity,
          discountable: false,
          item: item.name,
          proration: true,
          gives_back: charge,
          owner: this.subscription,
        }),
      );
    }
  }

  protected chargeRest(sub: Subscription, items: Item[], at: number): void {
    const licensed = sub.items.filter((item) => !item.price.metered);
    const lines = licensed.map((item) => this.line({ amount: this.cost(item), period: item.period }));
    const lasting = sub.discounts.filter(({ coupon, end }) => coupon.months !== 'once' && (end === null || end > at));
    this.takeOff(lines, lasting);
    for (const item of items) {
      const index = licensed.indexOf(item);
      const line = lines[index];
      if (line === undefined) continue;
      // An item that was metered before is still charged for its share of the whole period.
      const net = line.amount - line.off;
      const whole = { gross: net, amount: net, period: sub.period };
      const { start, end } = sub.period;
      const from = Math.max(at, item.period.start);
      this.pending.push(
        this.line({
          amount: share(whole.amount, end - from, end - start),
          period: { start: from, end },
          quantity: item.quantity,
          discountable: false,
          item: item.name,
          proration: true,
          whole,
          owner: sub,
        }),
      );
    }
  }

  /** What was used on an item that goes or begins anew waits for the next invoice. */
  protected billUsed(item: Item, is_gone: boolean): void {
    const span = { start: item.period.start, end: this.now };
    if (span.end <= span.start) return;
    const { amount, quantity } = this.usageLine(item, span, is_gone);
    if (amount !== 0)
      this.pending.push(this.line({ amount, quantity, period: span, owner: this.subscription, metered: true }));
  }

  protected changed(sub: Subscription, change: Change): Item[] {
    const items = sub.items.map((item) => ({ ...item }));
    for (const { name, price, quantity, deleted } of change.items ?? []) {
      const index = items.findIndex((item) => item.name === name);
      const item = items[index];
      if (item === undefined) {
        const period = price.metered ? { start: this.now, end: sub.period.end } : sub.period;
        items.push({ name: (this.names += 1), price, quantity: price.metered ? 0 : quantity, period });
      } else if (deleted) items.splice(index, 1);
      else {
        const starts = price.metered && !item.price.metered;
        Object.assign(item, {
          price,
          quantity: price.metered ? 0 : quantity,
          period: starts ? { start: this.now, end: sub.period.end } : item.period,
        });
      }
    }
    if (items.length === 0 || new Set(items.map((item) => item.price.key)).size < items.length) throw new Refused(400);
    return items;
  }

  update(change: Change): void {
    const sub = this.subscription;
    if (sub === null) throw new Refused(404);
    if (sub.ended_at !== null || sub.status === 'incomplete' || sub.status === 'paused') throw new Refused(400);
    const starts = Math.min(...sub.items.map((item) => item.period.start));
    if (change.date !== null && (change.date < starts || change.date >= sub.period.end)) throw new Refused(400);
    const saved = this.saved();
    const old = sub.items.map((item) => ({ ...item }));
    const before = { items: old, anchor: sub.anchor, period: sub.period, trial_end: sub.trial_end, status: sub.status };
    if (sub.parked !== null) this.undo(sub.parked.invoice);
    const was_trial = this.onTrial(sub);
    const at = change.date ?? this.now;
    const items = this.changed(sub, change);
    const ends_trial = change.trial_end === 'now' && was_trial;
    const begins = ends_trial || change.anchor_now;
    const trials = typeof change.trial_end === 'number';
    const restarts = begins || (trials && !was_trial);
    sub.items = items;
    if (typeof change.trial_end === 'number') {
      const start = was_trial ? sub.period.start : this.now;
      this.restart(sub, { start, end: change.trial_end }, change.trial_end, was_trial);
      sub.trial_end = change.trial_end;
      sub.status = 'trialing';
    } else if (begins) {
      this.restart(sub, { start: this.now, end: monthsAfter(this.now, 1) }, this.now, false);
      if (was_trial) Object.assign(sub, { trial_end: this.now, status: 'active' });
    }
    if (sub.at_period_end) sub.cancel_at = sub.period.end;
    const at_once = change.proration === 'always_invoice' || ends_trial || (begins && change.items !== null);
    const by_lines = begins && at_once;
    const otherwise = (item: Item): boolean => {
      const was = old.find((each) => each.name === item.name);
      return was === undefined || was.price.key !== item.price.key || was.quantity !== item.quantity;
    };
    for (const item of old) {
      const after = sub.items.find((each) => each.name === item.name);
      const goes = after === undefined || after.price.metered !== item.price.metered;
      if (item.price.metered) {
        if ((goes || restarts) && before.status !== 'trialing') this.billUsed(item, goes);
      } else if (!was_trial && change.proration !== 'none' && (goes || restarts || otherwise(after)))
        this.giveBack(item, at);
    }
    if (!by_lines && (change.proration !== 'none' || begins) && !this.onTrial(sub)) {
      const charged = sub.items.filter((item) => restarts || otherwise(item));
      this.chargeRest(sub, charged, begins ? this.now : at);
    }
    if (!at_once || (!by_lines && this.waiting(sub).length === 0)) return;
    const invoice = this.draft(sub, {
      reason: 'subscription_update',
      period: { start: before.period.start, end: this.now },
      lines: by_lines ? this.ahead(sub) : [],
      finalizes_at: null,
      auto: true,
    });
    this.finalize(invoice);
    this.payChange(sub, invoice, change, before, saved);
  }

  protected payChange(
    sub: Subscription,
    invoice: Invoice,
    change: Change,
    before: Partial<Subscription>,
    undo: () => void,
  ): void {
    if (invoice.status === 'paid') return;
    const waits = change.behavior === 'default_incomplete';
    const automatic = change.behavior === 'allow_incomplete';
    const outcome = waits ? 'asks' : this.attempt(invoice, { card: this.card, off_session: false, automatic });
    if (outcome === 'paid') return this.follow(invoice, 'paid');
    if (change.behavior === 'error_if_incomplete') {
      undo();
      throw new Refused(this.card === null ? 400 : 402);
    }
    if (change.behavior !== 'pending_if_incomplete') return this.follow(invoice, outcome);
    const { items, anchor, period, trial_end } = sub;
    Object.assign(sub, before);
    const { end } = sub.period;
    sub.parked = { items, anchor, period, trial_end, invoice, expires_at: Math.min(this.now + 23 * HOUR, end) };
    if (sub.at_period_end) sub.cancel_at = end;
  }

  protected restart(sub: Subscription, period: Span, anchor: number, goes_on: boolean): void {
    sub.anchor = anchor;
    sub.period = period;
    for (const item of sub.items) {
      const start = goes_on ? item.period.start : item.price.metered ? this.now : period.start;
      item.period = { start, end: period.end };
    }
  }

  /** Everything as it is now, to be put back when a change is refused. */
  protected saved(): () => void {
    const { balance, invoices, pending, subscription, grants } = structuredClone({
      balance: this.balance,
      invoices: this.invoices,
      pending: this.pending,
      subscription: this.subscription,
      grants: this.grants,
    });
    return () => Object.assign(this, { balance, invoices, pending, subscription, grants });
  }

  discount(coupon: Coupon | null): void {
    const sub = this.live();
    sub.discounts = coupon === null ? [] : [this.redeemed(coupon)];
  }

  protected live(): Subscription {
    const sub = this.subscription;
    if (sub === null) throw new Refused(404);
    if (sub.ended_at !== null) throw new Refused(400);
    return sub;
  }

  cancelAtEnd(wanted: boolean): void {
    const sub = this.live();
    sub.at_period_end = wanted;
    sub.cancel_at = wanted ? sub.period.end : null;
  }

  cancel(how: { prorate: boolean; invoice_now: boolean }): void {
    const sub = this.subscription;
    if (sub === null || sub.ended_at !== null) throw new Refused(404);
    if (how.prorate) for (const item of sub.items) if (!item.price.metered) this.giveBack(item, this.now);
    this.end(sub, 'canceled');
    if (!how.invoice_now && !how.prorate) {
      // What waited for an invoice that will not come is taken back.
      this.pending = this.pending.filter((line) => line.owner !== sub || !line.proration);
    }
    const metered = this.metered(sub);
    if (!how.invoice_now || this.waiting(sub).length + metered.length === 0) return;
    const lines = metered.map((item) => {
      const end = Math.min(item.period.end, this.now);
      return this.usageLine(item, { start: item.period.start, end }, end < item.period.end);
    });
    const period = { start: sub.period.start, end: this.now };
    const invoice = this.draft(sub, { reason: 'subscription_update', period, lines, finalizes_at: null, auto: true });
    this.finalize(invoice);
    if (invoice.status === 'open') this.attempt(invoice, { card: this.card, off_session: true, automatic: false });
  }

  pauseCollection(behavior: PauseBehavior | null): void {
    this.live().collection = behavior;
  }

  pause(): void {
    const sub = this.subscription;
    if (sub === null) throw new Refused(404);
    if (sub.status !== 'active' && sub.status !== 'past_due') throw new Refused(400);
    if (sub.parked !== null) this.undo(sub.parked.invoice);
    for (const item of sub.items) {
      if (!item.price.metered) this.giveBack(item, this.now);
      else {
        this.billUsed(item, true);
        item.period = { start: this.now, end: item.period.end };
      }
    }
    sub.status = 'paused';
  }

  resume(): void {
    const sub = this.subscription;
    if (sub === null) throw new Refused(404);
    if (sub.status !== 'paused') throw new Refused(400);
    const was = sub.period;
    sub.status = 'active';
    this.restart(sub, { start: this.now, end: monthsAfter(this.now, 1) }, this.now, false);
    if (sub.at_period_end) sub.cancel_at = sub.period.end;
    if (sub.items.every((item) => item.price.metered) && this.waiting(sub).length === 0) return;
    const invoice = this.draft(sub, {
      reason: 'subscription_update',
      period: { start: Math.max(was.start, this.now), end: this.now },
      lines: this.ahead(sub),
      finalizes_at: null,
      auto: true,
    });
    this.finalize(invoice);
    if (invoice.status === 'open') this.collect(invoice, { off_session: true, automatic: true });
  }

  invoiceItem(amount: number): void {
    this.pending.push(this.line({ amount, period: { start: this.now, end: this.now }, discountable: amount >= 0 }));
  }

  pay(invoice: Invoice, card: Card): void {
    if (invoice.status === 'draft') {
      this.finalize(invoice);
      if (invoice.due === 0) return this.follow(invoice, 'paid');
    }
    if (invoice.status === 'paid' || invoice.status === 'void') throw new Refused(400);
    if (this.attempt(invoice, { card, off_session: true, automatic: false }) !== 'paid') throw new Refused(402);
    this.follow(invoice, 'paid');
  }

  void(invoice: Invoice): void {
    if (invoice.status !== 'open' && invoice.status !== 'uncollectible') throw new Refused(400);
    this.undo(invoice);
  }

  /** A credit note of an open invoice lowers it; of a paid one it credits the balance. */
  creditNote(invoice: Invoice, amount: number): void {
    if (invoice.status === 'paid') {
      // What was refunded is credited already.
      if (amount > invoice.total - invoice.noted - invoice.noted_after - invoice.refunded) throw new Refused(400);
      invoice.noted_after += amount;
      this.balance -= amount;
      return;
    }
    const owes = invoice.status === 'open' || invoice.status === 'uncollectible';
    if (!owes || amount > invoice.due - invoice.noted) throw new Refused(400);
    invoice.noted += amount;
    if (invoice.due - invoice.noted > 0) return;
    this.settle(invoice);
    this.follow(invoice, 'paid');
  }
}
