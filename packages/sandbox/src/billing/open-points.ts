/**
 * What Stripe does not document and the sandbox had to choose, each in one place. Who learns better changes one line.
 */

/** Where an exact half of a minor unit goes. `away` rounds a credit and the charge of the same share alike. */
export const HALVES: 'away' | 'even' | 'zero' = 'away';

/** Which line gets what is left of a coupon split by rounding down. Stripe's one example gives it to the last. */
export const COUPON_REMAINDER: 'first' | 'last' = 'last';

/** How long before its due date a sent invoice is announced. At Stripe the account's settings say. */
export const WILL_BE_DUE_SECONDS = 3 * 86_400;

/** Whether voiding the last invoice that is open makes a subscription in arrears active again. */
export const VOIDING_SETTLES: boolean = false;

/**
 * Whether an amount below the least that a card can be charged is carried to the customer's balance, and its invoice is
 * paid. Stripe says so of invoices; whether also of those that are sent, it does not say.
 */
export const CARRIES_SMALL_AMOUNTS: boolean = true;

/** The API lists no reason of its own for the invoice of a cancellation. */
export const CANCELLATION_REASON = 'subscription_update';
