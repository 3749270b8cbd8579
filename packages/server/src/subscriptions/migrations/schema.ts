import { intervals } from '@farebox/core';
import { listQuery } from '../../http/list.ts';
import { z } from '../../http/router.ts';
import type { MigrationPreview } from './service.ts';
import type { MigrationProgress, MoveRow } from './store.ts';

const versionNumber = z.int().min(1).max(1_000_000);
const whens = z.enum(['now', 'period_end']);
const prorations = z.enum(['none', 'create_prorations', 'always_invoice']);
const moveStates = z.enum(['waiting', 'done', 'scheduled', 'failed', 'skipped']);

export const migrationBody = z.object({
  from_versions: z
    .array(versionNumber)
    .min(1)
    .max(1000)
    .optional()
    .openapi({ description: 'Every other version, unless said.' }),
  to_version: versionNumber.optional().openapi({ description: 'The one on sale, unless said.' }),
  when: whens.default('period_end').openapi({ description: 'Each at the end of the period it has paid for, or now.' }),
  proration_behavior: prorations.default('none').openapi({
    description:
      "With `now`, what becomes of the difference for the rest of the period: nothing, on the next invoice, or collected at once. As Stripe's field of that name.",
  }),
  customer_ids: z.array(z.string().min(1).max(64)).min(1).max(1000).optional().openapi({ description: 'Only these.' }),
  currency: z.string().length(3).optional().openapi({ description: 'Only who pays in it.' }),
  interval: z.enum(intervals).optional().openapi({ description: 'Only who pays by it.' }),
  per_second: z.int().min(1).max(20).default(5).openapi({ description: 'How many are moved in a second, at most.' }),
});

const mrrSchema = z.array(z.object({ currency: z.string(), now_minor: z.int(), moved_minor: z.int() }));

export const migrationPreviewSchema = z
  .object({
    object: z.literal('plan_migration_preview'),
    plan_id: z.string(),
    from_versions: z.array(z.int()),
    to_version: z.int(),
    total: z.int(),
    moves: z.int().openapi({ description: 'How many of them would be moved.' }),
    mrr: mrrSchema.openapi({ description: 'Monthly recurring revenue of all of them, as it is and as it would be.' }),
    customers: z
      .array(
        z.object({
          customer_id: z.string(),
          subscription_id: z.string(),
          plan_version: z.int(),
          outcome: z.enum(['move', 'skip', 'refuse']),
          amount_minor: z.int().openapi({ description: 'A period as it is paid now.' }),
          moved_minor: z.int().nullable().openapi({ description: 'A period after the move; null for who stays.' }),
          currency: z.string(),
          interval: z.enum(intervals),
          effective_at: z.iso.datetime().nullable(),
          reason_code: z.string().nullable(),
          reason: z.string().nullable(),
        }),
      )
      .openapi({ description: 'The first hundred.' }),
  })
  .openapi('PlanMigrationPreview');

export const migrationSchema = z
  .object({
    object: z.literal('plan_migration'),
    id: z.string(),
    plan_id: z.string(),
    from_versions: z.array(z.int()),
    to_version: z.int(),
    when: whens,
    proration_behavior: prorations,
    per_second: z.int(),
    state: z.enum(['running', 'done', 'canceled']),
    counts: z
      .object({
        total: z.int(),
        done: z.int(),
        scheduled: z.int().openapi({ description: 'Arranged for the end of their period.' }),
        failed: z.int().openapi({ description: 'On their old version; each says why.' }),
        skipped: z.int().openapi({ description: 'There was nothing to move any more.' }),
        remaining: z.int(),
      })
      .openapi({ description: 'Everybody is in one of the five after `total`.' }),
    created_at: z.iso.datetime(),
    ended_at: z.iso.datetime().nullable(),
  })
  .openapi('PlanMigration');

export const moveSchema = z
  .object({
    object: z.literal('plan_migration_move'),
    customer_id: z.string(),
    subscription_id: z.string(),
    state: moveStates,
    attempt: z.int(),
    reason_code: z.string().nullable(),
    reason: z
      .string()
      .nullable()
      .openapi({ description: 'Why it failed or was skipped; while waiting, the last obstacle.' }),
  })
  .openapi('PlanMigrationMove');

export const migrationParams = z.strictObject({
  id: z.string().min(1).max(64),
  migration_id: z.string().min(1).max(64),
});

export const movesQuery = listQuery.extend({ state: moveStates.optional() });

export function migrationView(row: MigrationProgress): z.infer<typeof migrationSchema> {
  const { total, done, scheduled, failed, skipped, remaining } = row;
  return {
    object: 'plan_migration',
    id: row.id,
    plan_id: row.plan_id,
    from_versions: row.from_versions,
    to_version: row.to_version,
    when: row.when,
    proration_behavior: row.proration_behavior,
    per_second: row.per_second,
    state: row.state,
    counts: { total, done, scheduled, failed, skipped, remaining },
    created_at: row.created_at.toISOString(),
    ended_at: row.ended_at?.toISOString() ?? null,
  };
}

export function moveView(row: MoveRow): z.infer<typeof moveSchema> {
  const { customer_id, subscription_id, state, attempt, reason_code, reason } = row;
  return { object: 'plan_migration_move', customer_id, subscription_id, state, attempt, reason_code, reason };
}

export function previewView(preview: MigrationPreview): z.infer<typeof migrationPreviewSchema> {
  const { customers, ...rest } = preview;
  return {
    object: 'plan_migration_preview',
    ...rest,
    customers: customers.map(({ customer_id, subscription_id, facts, decision }) => {
      const { amount_minor, quantity, currency, interval } = facts.terms;
      const moves = decision.effect === 'move';
      return {
        customer_id,
        subscription_id,
        plan_version: facts.plan_version,
        outcome: decision.effect,
        amount_minor: amount_minor * quantity,
        moved_minor: moves ? decision.terms.amount_minor * decision.terms.quantity : null,
        currency,
        interval,
        effective_at: moves ? new Date(decision.at).toISOString() : null,
        reason_code: moves ? null : decision.code,
        reason: moves ? null : decision.detail,
      };
    }),
  };
}
