import type Stripe from 'stripe';

/** What a Stripe type looks like as JSON: the SDK's `Decimal` is a string on the wire. */
export type Wire<T> = T extends string | number | boolean | null | undefined
  ? T
  : T extends Stripe.Decimal
    ? string
    : T extends readonly (infer U)[]
      ? Wire<U>[]
      : T extends object
        ? { [K in keyof T]: Wire<T[K]> }
        : T;

/** The API version whose shapes the sandbox renders. */
export const API_VERSION = '2026-10-28.endive';
