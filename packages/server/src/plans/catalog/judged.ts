import { PlanFaults, type PriceList, readPriceList } from '@farebox/core';
import { Problem } from '../../problem.ts';

/** Every fault of the list at once, each with its path. */
export function judged(input: unknown): PriceList {
  try {
    return readPriceList(input);
  } catch (error) {
    if (!(error instanceof PlanFaults)) throw error;
    const errors = error.faults.map((fault) => ({ param: `price_list.${fault.path}`, detail: fault.message }));
    throw new Problem('invalid_request', error.message, { param: errors[0]?.param ?? 'price_list', errors });
  }
}
