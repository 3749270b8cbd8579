import { expect, test } from 'vitest';
import { HttpFault } from '../../lib/http.ts';
import { checkoutAdvice } from './checkout-words.ts';

test('a second purchase is led to the first, not to another try', () => {
  expect(checkoutAdvice(new HttpFault(409, { code: 'already_subscribed' })).next).toBe('dashboard');
});

test('a plan that is gone leads to the others', () => {
  expect(checkoutAdvice(new HttpFault(404, { code: 'plan_not_found' })).next).toBe('choose');
});

test('whatever went wrong, the buyer is told that nothing was charged', () => {
  for (const error of [new HttpFault(502, { code: 'stripe_unavailable' }), new HttpFault(500, {}), new Error('x')]) {
    expect(checkoutAdvice(error).text).toContain('Nothing has been charged');
  }
});
