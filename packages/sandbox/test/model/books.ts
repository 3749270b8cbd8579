import { Exact, monthsAfter } from './exact.ts';
import {
  type Card,
  type Discount,
  type Grant,
  type Invoice,
  type Item,
  type Line,
  Refused,
  type Span,
  type Subscription,
} from './things.ts';

const HOUR = 3_600;
const DAY = 86_400;
const RETRY_DAYS = [3, 5, 7];
/** Cents. */
const LEAST_CHARGE = 50;

function periodFrom(anchor: number, at: number): Span {
  let n = 0;
  while (monthsAfter(anchor, n + 1) <= at) n += 1;
  return { start: monthsAfter(anchor, n), end: monthsAfter(anchor, n + 1) };
}

function split(amount: number, weights: number[]): number[] {
  const sum = weights.reduce((all, each) => all + each, 0);
  const last = weights.findLastIndex((each) => each > 0);
  let left = amount;
  return weights.map((weight, index) => {
    const part = index === last ? left : sum === 0 ? 0 : new Exact(BigInt(amount) * BigInt(weight), BigInt(sum)).down();
    left -= part;
    return part;
  });
}

/** What is billed, what is paid, and what time does. */
export class Books {
  now: number;
  balance = 0;
  card: Card | null = null;
  subscription: Subscription | null = null;
  invoices: Invoice[] = [];
  pending: Line[] = [];
  usage: { at: number; value: number }[] = [];
  grants: Grant[] = [];
  protected names = 0;

  constructor(now: number) {
    this.now = now;
  }

  // --- what is billed

  protected line(facts: Partial<Line> & { amount: number; period: Span }): Line {
    return {
      quantity: 1,
      discountable: true,
      item: null,
      proration: false,
      usage: false,
      metered: facts.usage === true,
      whole: null,
      gives_back: null,
      off: 0,
      credits: 0,
      tax: 0,
      invoice: null,
      owner: null,
      ...facts,
    };
  }

  protected onTrial(sub: Subscription): boolean {
    return sub.trial_end !== null && sub.trial_end > this.now;
  }

  protected cost(item: Item): number {
    return Exact.of(item.price.unit).times(Exact.of(item.quantity)).whole();
  }

  protected ahead(sub: Subscription): Line[] {
    return sub.items
      .filter((item) => !item.price.metered)
      .map((item) =>
        this.line({
          amount: this.onTrial(sub) ? 0 : this.cost(item),
          period: item.period,
          quantity: item.quantity,
          item: item.name,
        }),
      );
  }

  protected usageLine(item: Item, span: Span, takes_last_second: boolean): Line {
    const end = takes_last_second ? span.end + 1 : span.end;
    const used = this.usage.filter(({ at }) => at >= span.start && at < end).reduce((all, each) => all + each.value, 0);
    const amount = Exact.of(item.price.unit).times(Exact.of(used)).whole();
    return this.line({ amount, period: span, quantity: used, item: item.name, usage: true });
  }

  active(discounts: Discount[]): Discount[] {
    return discounts.filter(({ end, spent }) => !spent && (end === null || end > this.now));
  }

  /** Takes discounts off lines, one after the other, each from what is left. */
  protected takeOff(lines: Line[], discounts: Discount[]): void {
    for (const line of lines) line.off = 0;
    for (const { coupon } of discounts) {
      const weights = lines.map((line) => (line.discountable ? Math.max(0, line.amount - line.off) : 0));
      const sum = weights.reduce((all, each) => all + each, 0);
      const wanted =
        coupon.percent === null
          ? coupon.amount
          : Exact.of(sum)
              .times(new Exact(Exact.of(coupon.percent).over, Exact.of(coupon.percent).under * 100n))
              .whole();
      const parts = split(Math.min(sum, wanted), weights);
      for (const [index, line] of lines.entries()) line.off += parts[index] ?? 0;
    }
  }

  protected sum(invoice: Invoice): void {
    const rate = invoice.subscription.tax;
    for (const line of invoice.lines) {
      const net = line.amount - line.off - line.credits;
      line.tax = rate === null ? 0 : Exact.of(net).times(Exact.of(rate)).times(new Exact(1n, 100n)).whole();
    }
    invoice.total = invoice.lines.reduce((all, each) => all + each.amount - each.off - each.credits + each.tax, 0);
    // A draft has no balance yet.
    if (invoice.status === 'draft') invoice.due = Math.max(0, invoice.total);
  }

  /** What goes on the next invoice of a subscription: its own items, and the customer's. */
  protected waiting(sub: Subscription): Line[] {
    return this.pending.filter((line) => line.owner === null || line.owner === sub);
  }

  protected draft(
    sub: Subscription,
    facts: { reason: Invoice['reason']; period: Span; lines: Line[]; finalizes_at: number | null; auto: boolean },
  ): Invoice {
    const waiting = this.waiting(sub);
    const lines = [...waiting.toReversed(), ...facts.lines];
    this.pending = this.pending.filter((line) => !waiting.includes(line));
    const eligible = lines.some((line) => line.discountable && line.amount !== 0);
    const invoice: Invoice = {
      ...facts,
      status: 'draft',
      lines,
      discounts: eligible || facts.finalizes_at !== null ? this.active(sub.discounts) : [],
      attempts: 0,
      next_attempt: facts.finalizes_at,
      starting: 0,
      ending: null,
      total: 0,
      due: 0,
      paid: 0,
      noted: 0,
      noted_after: 0,
      refunded: 0,
      grants: [],
      subscription: sub,
    };
    for (const line of lines) line.invoice = invoice;
    this.takeOff(lines, invoice.discounts);
    this.sum(invoice);
    this.invoices.push(invoice);
    sub.latest = invoice;
    return invoice;
  }

  protected finalize(invoice: Invoice): void {
    const sub = invoice.subscription;
    for (const line of invoice.lines) {
      if (!line.usage) continue;
      const item = sub.items.find((each) => each.name === line.item);
      if (item === undefined || !item.price.metered) continue;
      const is_cut = sub.ended_at === line.period.end && line.period.end < item.period.end;
      const fresh = this.usageLine(item, line.period, is_cut);
      line.amount = fresh.amount;
      line.quantity = fresh.quantity;
    }
    invoice.discounts = this.active(invoice.discounts);
    this.takeOff(invoice.lines, invoice.discounts);
    for (const grant of this.grants) {
      for (const line of invoice.lines.filter((each) => each.metered)) {
        const pays = Math.min(grant.left, line.amount - line.off - line.credits);
        if (pays <= 0) continue;
        grant.left -= pays;
        line.credits += pays;
        invoice.grants.push([grant, pays]);
      }
    }
    invoice.status = 'open';
    this.sum(invoice);
    invoice.starting = this.balance;
    invoice.due = this.owed(invoice);
    this.balance += invoice.total - invoice.due;
    invoice.ending = this.balance;
    invoice.finalizes_at = null;
    invoice.next_attempt = null;
    for (const each of invoice.discounts) if (each.coupon.months === 'once') each.spent = true;
    sub.discounts = sub.discounts.filter((each) => !each.spent);
    for (const line of invoice.lines) {
      if (!line.usage && line.item !== null && line.whole === null && line.gives_back === null)
        line.whole = { gross: line.amount, amount: line.amount - line.off, period: line.period };
    }
    if (invoice.due === 0) this.settle(invoice);
  }

  /** What an invoice asks for: nothing of what is too little to charge, which stays on the balance. */
  protected owed(invoice: Invoice): number {
    const asked = invoice.total <= 0 ? 0 : invoice.total + this.balance;
    return asked < LEAST_CHARGE ? 0 : asked;
  }

  protected settle(invoice: Invoice): void {
    invoice.status = 'paid';
    invoice.paid = invoice.due - invoice.noted;
    invoice.next_attempt = null;
    invoice.auto = false;
  }

  protected undo(invoice: Invoice): void {
    const { subscription: sub } = invoice;
    invoice.status = 'void';
    invoice.auto = false;
    invoice.next_attempt = null;
    for (const [grant, amount] of invoice.grants) grant.left += amount;
    this.balance += invoice.starting - (invoice.ending ?? invoice.starting);
    if (sub.parked?.invoice === invoice) sub.parked = null;
  }

  // --- what is paid

  /** Tries a card; says whether it paid, failed, or asks its holder. */
  protected attempt(
    invoice: Invoice,
    how: { card: Card | null; off_session: boolean; automatic: boolean },
  ): 'asks' | 'failed' | 'paid' {
    if (how.card === 'good') {
      invoice.attempts += 1;
      this.settle(invoice);
      return 'paid';
    }
    if (how.card === 'asks' && !how.off_session) return 'asks';
    invoice.attempts += 1;
    if (how.automatic && invoice.reason !== 'subscription_create') {
      const days = RETRY_DAYS[invoice.attempts - 1];
      invoice.next_attempt = days === undefined ? null : this.now + days * DAY;
    }
    return 'failed';
  }

  protected follow(invoice: Invoice, outcome: 'asks' | 'failed' | 'paid'): void {
    const sub = invoice.subscription;
    if (outcome === 'paid' && sub.parked?.invoice === invoice && sub.ended_at === null) {
      const { items, anchor, period, trial_end } = sub.parked;
      Object.assign(sub, { items, anchor, period, trial_end, parked: null });
      if (sub.status === 'trialing' && !this.onTrial(sub)) sub.status = 'active';
      if (sub.at_period_end) sub.cancel_at = period.end;
    }
    if (sub.ended_at !== null) return;
    if (outcome === 'paid') {
      const owes = this.invoices.some((each) => each.subscription === sub && each.status === 'open');
      if (sub.status === 'incomplete') sub.status = this.onTrial(sub) ? 'trialing' : 'active';
      else if (sub.status === 'past_due' && !owes) sub.status = this.onTrial(sub) ? 'trialing' : 'active';
      return;
    }
    if (sub.parked?.invoice === invoice) return;
    if (sub.status !== 'active' && sub.status !== 'past_due') return;
    if (outcome === 'failed' && invoice.next_attempt === null && invoice.auto) this.end(sub, 'canceled');
    else sub.status = 'past_due';
  }

  protected collect(invoice: Invoice, how: { off_session: boolean; automatic: boolean }): void {
    this.follow(invoice, this.attempt(invoice, { card: this.card, ...how }));
  }

  protected end(sub: Subscription, status: 'canceled' | 'incomplete_expired'): void {
    sub.status = status;
    sub.ended_at = this.now;
    sub.parked = null;
    for (const invoice of this.invoices) {
      if (invoice.subscription !== sub || (invoice.status !== 'draft' && invoice.status !== 'open')) continue;
      if (status === 'incomplete_expired') {
        if (invoice.status === 'open') this.undo(invoice);
      } else Object.assign(invoice, { auto: false, finalizes_at: null, next_attempt: null });
    }
  }

  // --- what time does

  /** What is due next, by looking at everything. */
  protected next(): [number, () => void] | null {
    const due: [number, () => void][] = [];
    const sub = this.subscription;
    if (sub !== null && sub.ended_at === null) {
      const { end } = sub.period;
      if (sub.cancel_at !== null) due.push([sub.cancel_at, () => this.endAtDate(sub)]);
      if (['active', 'past_due', 'trialing'].includes(sub.status)) due.push([end, () => this.renew(sub)]);
      if (sub.status === 'incomplete') due.push([sub.created + 23 * HOUR, () => this.end(sub, 'incomplete_expired')]);
      const { parked } = sub;
      if (parked !== null) due.push([parked.expires_at, () => this.undo(parked.invoice)]);
    }
    for (const invoice of this.invoices) {
      if (invoice.status === 'draft' && invoice.finalizes_at !== null && invoice.auto)
        due.push([invoice.finalizes_at, () => this.finish(invoice)]);
      if (invoice.status === 'open' && invoice.next_attempt !== null && invoice.auto)
        due.push([invoice.next_attempt, () => this.collect(invoice, { off_session: true, automatic: true })]);
    }
    return due.toSorted((a, b) => a[0] - b[0])[0] ?? null;
  }

  advance(seconds: number): void {
    const target = this.now + seconds;
    let steps = 0;
    for (let next = this.next(); next !== null && next[0] <= target; next = this.next()) {
      if ((steps += 1) > 1_000) throw new Error(`The oracle goes round in circles at ${this.now}.`);
      this.now = next[0];
      next[1]();
    }
    this.now = target;
  }

  protected metered(sub: Subscription): Item[] {
    return sub.items.filter((item) => item.price.metered && item.period.start < this.now);
  }

  protected endAtDate(sub: Subscription): void {
    this.end(sub, 'canceled');
    const metered = sub.trial_end !== null && sub.trial_end >= this.now ? [] : this.metered(sub);
    if (metered.length === 0 && this.pending.every((line) => line.owner !== sub)) return;
    const { start } = sub.period;
    const lines = metered.map((item) => {
      const end = Math.min(item.period.end, this.now);
      return this.usageLine(item, { start: item.period.start, end }, end < item.period.end);
    });
    const finalizes_at = this.now + HOUR;
    this.draft(sub, {
      reason: 'subscription_cycle',
      period: { start, end: this.now },
      lines,
      finalizes_at,
      auto: true,
    });
  }

  protected renew(sub: Subscription): void {
    const was_trial = sub.status === 'trialing';
    const was = sub.items.map((item) => ({ ...item }));
    const period = periodFrom(sub.anchor, this.now);
    const passed = sub.period;
    sub.period = period;
    for (const item of sub.items) item.period = period;
    if (was_trial) sub.status = 'active';
    const stays = sub.collection === 'keep_as_draft';
    const usage = was_trial
      ? []
      : was.filter((item) => item.price.metered).map((item) => this.usageLine(item, item.period, false));
    this.draft(sub, {
      reason: 'subscription_cycle',
      period: { start: passed.start, end: this.now },
      lines: [...this.ahead(sub), ...usage],
      finalizes_at: stays ? null : this.now + HOUR,
      auto: !stays,
    });
  }

  protected finish(invoice: Invoice): void {
    this.finalize(invoice);
    const { collection } = invoice.subscription;
    if (invoice.status === 'open' && collection === 'void') this.undo(invoice);
    else if (invoice.status === 'open' && collection === 'mark_uncollectible') this.uncollectible(invoice);
    else if (invoice.status === 'paid') this.follow(invoice, 'paid');
    else this.collect(invoice, { off_session: true, automatic: true });
  }

  uncollectible(invoice: Invoice): void {
    if (invoice.status !== 'open') throw new Refused(400);
    Object.assign(invoice, { status: 'uncollectible', auto: false, next_attempt: null });
    if (invoice.subscription.status === 'past_due') this.follow(invoice, 'paid');
  }
}
