import type { Verification } from '@farebox/core';

const verificationKey = Symbol.for('farebox.verification');

interface Admitted {
  [verificationKey]?: Verification;
}

/** Keeps what was decided about a request with it. A map of requests would cost its part of every collection of garbage. */
export function remember(request: object, verification: Verification): void {
  const noted: Admitted = request;
  noted[verificationKey] = verification;
}

/**
 * What was decided about a request that a middleware let through: `customer_id`, `plan_id`, `features`, what is left. Of a request
 * that came past no middleware it throws: a handler that needs to know who calls must not run for nobody.
 */
export function verificationOf(request: object): Verification {
  const { [verificationKey]: found }: Admitted = request;
  if (found === undefined) throw new Error('This request came past no middleware of Farebox.');
  return found;
}
