import { HttpFault, faultText } from '../../lib/http.ts';

export interface Advice {
  title: string;
  text: string;
  /** What the one button should do. */
  next: 'dashboard' | 'retry' | 'choose';
}

/** A checkout that could not be opened: what happened, that nothing was charged, and what to do. */
export function checkoutAdvice(error: unknown): Advice {
  const code = error instanceof HttpFault ? error.code : 'unknown';
  switch (code) {
    case 'already_subscribed':
      return {
        title: 'You already have a subscription',
        text: 'There is no need to pay again. Your plan and keys are in the dashboard.',
        next: 'dashboard',
      };
    case 'checkout_in_progress':
      return {
        title: 'A checkout is already open',
        text: 'Finish it in the other tab, or wait a minute and try again. Nothing has been charged.',
        next: 'retry',
      };
    case 'plan_not_found':
    case 'plan_not_pushed':
      return { title: 'This plan is not on sale', text: 'Please choose another one.', next: 'choose' };
    case 'stripe_unavailable':
      return {
        title: 'The payment page is not reachable',
        text: 'Nothing has been charged. Please try again in a minute.',
        next: 'retry',
      };
    default:
      return {
        title: 'The checkout could not be opened',
        text: `${faultText(error)} Nothing has been charged.`,
        next: 'retry',
      };
  }
}
