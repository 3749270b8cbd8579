/** A trial in Stripe's terms. Where no card is asked for, the subscription ends with it unless one was given by then. */
export function trialOf(days: number, withoutCard: boolean) {
  const trial_settings = { end_behavior: { missing_payment_method: 'cancel' as const } };
  return { trial_period_days: days, ...(withoutCard ? { trial_settings } : {}) };
}
