import { longestWindowMs, windowMsOf } from './window-name.ts';

/** What one key may use of its customer's limits: so many units in a window, or in a billing period. */
export interface KeyBudget {
  limit: number;
  /** `1h`, `30d`, or `period` for the billing period. */
  window: string;
}

/** Whether a budget can have this window: `period`, or a window of at most 31 days. */
export function isBudgetWindow(text: string): boolean {
  return text === 'period' || (windowMsOf(text) ?? Number.POSITIVE_INFINITY) <= longestWindowMs;
}

/** The length of a budget's window; null for the billing period. */
export function budgetWindowMs(budget: KeyBudget): number | null {
  return budget.window === 'period' ? null : windowMsOf(budget.window);
}
