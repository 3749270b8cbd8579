import type { DunningStep } from '@farebox/core';
import { formatDay } from '../../lib/format.ts';
import type { CustomerAlert, Dunning } from '../../lib/wire-state.ts';

/** What each step means to who calls the API. */
function stepWords(step: DunningStep, rate_percent: number): string {
  const words: Record<DunningStep, string> = {
    warn: 'Everything works; answers carry a warning.',
    slow: `Rate limits fall to ${rate_percent} % of the plan's.`,
    read_only: 'Only requests that read pass.',
    block: 'No request passes.',
  };
  return words[step];
}

export interface DatedStep {
  step: DunningStep;
  when: string;
  words: string;
  state: 'past' | 'now' | 'next';
}

/** The whole course, with where it stands: what was, what is, what comes when. */
export function dunningCourse(dunning: Dunning, now: number): DatedStep[] {
  return dunning.steps.map(({ step, rate_percent, at }) => ({
    step,
    when: formatDay(at),
    words: stepWords(step, rate_percent),
    state: step === dunning.step ? 'now' : Date.parse(at) <= now ? 'past' : 'next',
  }));
}

/** Alerts that a notice of their own does not tell already; with the plan it is about, where there are several. */
export function alertSentence(
  alert: CustomerAlert,
  plan: string | null,
): { tone: 'info' | 'warn'; title: string; text: string } | null {
  const day = alert.at === null ? null : formatDay(alert.at);
  switch (alert.code) {
    case 'card_expiring':
      return {
        tone: 'warn',
        title: 'Your card will not be good for the next payment.',
        text: `It ends before ${day ?? 'then'}. Add another card, and nothing is interrupted.`,
      };
    case 'payment_action_required':
      return {
        tone: 'warn',
        title: 'Your bank asks you to confirm a payment.',
        text: 'Open the invoice below and choose “Pay now”: it leads to your bank.',
      };
    case 'trial_ending':
      return {
        tone: 'info',
        title: `Your trial${plan === null ? '' : ` of ${plan}`} ends on ${day ?? 'soon'}.`,
        text: 'The first payment follows then.',
      };
    case 'payment_past_due':
    case 'cancellation_scheduled':
    case 'quota_near':
    case 'quota_reached':
      return null;
  }
}
