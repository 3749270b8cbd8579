import type { Subscription } from '../../lib/wire.ts';
import type { Verb } from './api.ts';

export interface PossibleActions {
  can_change: boolean;
  can_cancel: boolean;
  verbs: Verb[];
}

/** The buttons that make sense: what the server would refuse is not offered. It decides again, whatever is pressed. */
export function possibleActions(
  subscription: Pick<Subscription, 'status' | 'cancel_at' | 'scheduled_change'>,
): PossibleActions {
  const { status, cancel_at, scheduled_change } = subscription;
  const runs = status === 'active' || status === 'trialing';
  const ends = cancel_at !== null;
  const verbs: Verb[] = [
    ...(ends && status !== 'paused' ? (['resume'] as const) : []),
    ...(scheduled_change === null ? [] : (['undo'] as const)),
    ...(status === 'paused' ? (['unpause'] as const) : []),
    ...(status === 'active' && !ends ? (['pause'] as const) : []),
  ];
  return {
    can_change: runs && !ends,
    can_cancel: !ends && status !== 'canceled' && status !== 'incomplete_expired',
    verbs,
  };
}
