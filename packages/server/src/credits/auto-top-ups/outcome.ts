import { type TopUpFailure, afterFailedTopUp } from '@farebox/core';
import type { Tx } from '../../db/database.ts';
import type { Clock } from '../../ports.ts';
import type { TopUpRow } from '../top-ups/store.ts';
import { type AutoTopUpRow, lockAutoTopUp, updateAutoTopUp } from './store.ts';

/** What became of an attempt, for the mail about it: when it is tried again, or that it is not. */
export interface FailedAttempt {
  top_up: TopUpRow;
  failure: TopUpFailure;
  retry_at: Date | null;
}

/**
 * What follows for automatic top-ups from what became of one, in the transaction of the reading that saw it. Told while the
 * customer still wants them.
 */
export function createAutoTopUpOutcome(deps: {
  clock: Clock;
  /** In the transaction. */
  failed(tx: Tx, attempt: FailedAttempt): Promise<void>;
}) {
  const { clock } = deps;
  const fresh: Pick<AutoTopUpRow, 'failures' | 'retry_at' | 'pause_reason' | 'paused_at'> = {
    failures: 0,
    retry_at: null,
    pause_reason: null,
    paused_at: null,
  };
  return {
    async settled(tx: Tx, row: TopUpRow): Promise<void> {
      const { customer_id, state } = row;
      const setting = row.kind === 'automatic' ? await lockAutoTopUp(tx, customer_id) : null;
      if (setting === null || setting.pause_reason !== null) return;
      if (state === 'paid') return await updateAutoTopUp(tx, customer_id, fresh);
      const now = clock.now();
      const failure = row.failure_code ?? 'declined';
      const after = afterFailedTopUp(setting.failures, failure, now);
      const retry_at = after.retry_at === null ? null : new Date(after.retry_at);
      const paused_at = after.pause_reason === null ? null : new Date(now);
      await updateAutoTopUp(tx, customer_id, { ...after, retry_at, paused_at });
      await deps.failed(tx, { top_up: row, failure, retry_at });
    },
    /** Credit whose payment was given back or is disputed is not bought again by itself. */
    async returned(tx: Tx, { customer_id }: TopUpRow): Promise<void> {
      const setting = await lockAutoTopUp(tx, customer_id);
      if (setting === null || setting.pause_reason !== null) return;
      const pause = { pause_reason: 'payment_returned' as const, paused_at: new Date(clock.now()) };
      await updateAutoTopUp(tx, customer_id, { ...fresh, ...pause });
    },
  };
}
