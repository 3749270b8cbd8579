import type { Verification } from '@farebox/core';

const admitted = new WeakMap<object, Verification>();

/** Keeps what was decided about a request for as long as there is the request. */
export function remember(request: object, verification: Verification): void {
  admitted.set(request, verification);
}

/**
 * What was decided about a request that a middleware let through: `customer_id`, `plan_id`, `features`, what is left. Of a request
 * that came past no middleware it throws: a handler that needs to know who calls must not run for nobody.
 */
export function verificationOf(request: object): Verification {
  const found = admitted.get(request);
  if (found === undefined) throw new Error('This request came past no middleware of Farebox.');
  return found;
}
