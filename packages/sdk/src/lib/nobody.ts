import type { Verification } from '@farebox/core';

/** A decision that is about nobody: no key was read, or nobody could be asked. */
export function aboutNobody(said: Pick<Verification, 'valid' | 'code' | 'detail' | 'request_id'>): Verification {
  return {
    ...said,
    key_id: null,
    customer_id: null,
    plan_id: null,
    scopes: [],
    features: {},
    limits: [],
    quota: null,
    cost_decimal: '0',
    currency: null,
    retry_after_s: null,
    payment: null,
  };
}
