/** What the second implementation keeps. */

export type Card = 'good' | 'bad' | 'asks';
export type Behavior = 'allow_incomplete' | 'default_incomplete' | 'error_if_incomplete' | 'pending_if_incomplete';
export type Proration = 'always_invoice' | 'create_prorations' | 'none';
export type PauseBehavior = 'keep_as_draft' | 'mark_uncollectible' | 'void';

export interface Price {
  key: number;
  /** Minor units, or a decimal of them for a metered one. */
  unit: string;
  metered: boolean;
}

export interface Span {
  start: number;
  end: number;
}

export interface Item {
  name: number;
  price: Price;
  quantity: number;
  period: Span;
}

export interface Coupon {
  percent: string | null;
  amount: number;
  months: number | 'forever' | 'once';
}

export interface Discount {
  coupon: Coupon;
  end: number | null;
  /** One for once is spent by the first invoice that is final, and a draft that has it too loses it. */
  spent: boolean;
}

/** Something billed, or waiting to be: the lines of invoices and the pending items are the same thing. */
export interface Line {
  amount: number;
  period: Span;
  quantity: number;
  discountable: boolean;
  item: number | null;
  proration: boolean;
  usage: boolean;
  /** What a metered price costs: credit grants pay for it. */
  metered: boolean;
  /** What a charge in advance costs for its whole period, net; credits start from it. */
  whole: { gross: number; amount: number; period: Span } | null;
  /** The charge that a credit gives back. */
  gives_back: Line | null;
  off: number;
  credits: number;
  tax: number;
  /** Void invoices bill nothing, and give nothing back. */
  invoice: Invoice | null;
  /** Whose pending item it is; an item of the customer goes on whatever invoice comes next. */
  owner: Subscription | null;
}

export interface Invoice {
  reason: 'subscription_create' | 'subscription_cycle' | 'subscription_update';
  status: 'draft' | 'open' | 'paid' | 'uncollectible' | 'void';
  period: Span;
  lines: Line[];
  discounts: Discount[];
  finalizes_at: number | null;
  auto: boolean;
  attempts: number;
  next_attempt: number | null;
  starting: number;
  ending: number | null;
  total: number;
  due: number;
  paid: number;
  noted: number;
  noted_after: number;
  refunded: number;
  grants: [Grant, number][];
  subscription: Subscription;
}

export interface Grant {
  left: number;
}

export interface Parked {
  items: Item[];
  anchor: number;
  period: Span;
  trial_end: number | null;
  invoice: Invoice;
  expires_at: number;
}

export interface Subscription {
  status: 'active' | 'canceled' | 'incomplete' | 'incomplete_expired' | 'past_due' | 'paused' | 'trialing';
  anchor: number;
  created: number;
  /** The running period; a metered item that joined within it counts from then. */
  period: Span;
  items: Item[];
  trial_end: number | null;
  cancel_at: number | null;
  at_period_end: boolean;
  collection: PauseBehavior | null;
  discounts: Discount[];
  parked: Parked | null;
  tax: string | null;
  latest: Invoice | null;
  ended_at: number | null;
}

/** A refusal, by its HTTP status. */
export class Refused extends Error {
  readonly status: number;

  constructor(status: number, said = '') {
    super(`refused with ${status} ${said}`);
    this.status = status;
  }
}

export interface Change {
  items: { name: number | null; price: Price; quantity: number; deleted: boolean }[] | null;
  proration: Proration;
  behavior: Behavior;
  date: number | null;
  anchor_now: boolean;
  trial_end: number | 'now' | null;
}
