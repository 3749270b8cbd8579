import { formatMoney } from '@farebox/core';
import type { PlanMigration, PlanMigrationPreview } from '../../lib/wire.ts';

/** How far it is: who was looked at, whatever became of them. */
export function settled({ counts }: Pick<PlanMigration, 'counts'>): number {
  return counts.total - counts.remaining;
}

/** What a migration would do, in one sentence and one a currency. */
export function previewWords({ total, moves, to_version, mrr }: PlanMigrationPreview): string[] {
  if (total === 0) return ['Nobody has an older version.'];
  const people = total === 1 ? '1 customer' : `${total} customers`;
  return [
    `${moves} of ${people} would move to version ${to_version}.`,
    ...mrr.map(({ currency, now_minor, moved_minor }) =>
      now_minor === moved_minor
        ? `Recurring revenue stays at ${formatMoney(now_minor, currency)} a month.`
        : `Recurring revenue goes from ${formatMoney(now_minor, currency)} to ${formatMoney(moved_minor, currency)} a month.`,
    ),
  ];
}
