import { listOf, listQuery } from '../../http/list.ts';
import { access, body, createRoute, idParam, json, problems, z } from '../../http/router.ts';
import type { Proposal } from './propose.ts';
import type { ImportCounts, ImportItem, ImportRow } from './store.ts';

const outcomes = ['made', 'linked', 'known', 'skipped'] as const;
const states = ['running', 'done', 'failed'] as const;

const countsSchema = z.object({
  made: z.int(),
  linked: z.int().openapi({ description: 'Tied to a customer that was here.' }),
  known: z.int().openapi({ description: 'Was taken over before.' }),
  skipped: z.int(),
});

export const importSchema = z
  .object({
    object: z.literal('stripe_import'),
    id: z.string(),
    dry_run: z.boolean().openapi({ description: 'Counts what would be made; nothing is.' }),
    state: z.enum(states),
    failure: z.string().nullable(),
    choices: z.record(z.string(), z.string()),
    customers: countsSchema,
    subscriptions: countsSchema,
    created_at: z.iso.datetime(),
    ended_at: z.iso.datetime().nullable(),
  })
  .openapi('StripeImport');

const itemSchema = z
  .object({
    object: z.literal('stripe_import_item'),
    object_id: z.string().openapi({ description: "Stripe's id of a customer or a subscription." }),
    outcome: z.enum(outcomes),
    customer_id: z.string().nullable(),
    reason: z.string().nullable().openapi({ description: 'Why it was skipped.' }),
  })
  .openapi('StripeImportItem');

const proposalSchema = z
  .object({
    object: z.literal('plan_proposal'),
    plan_ids: z.array(z.string()),
    source: z.string().openapi({ description: 'The price list with these plans, as `farebox.config.ts`.' }),
    skipped: z.array(z.object({ object_id: z.string(), name: z.string(), reason: z.string() })),
  })
  .openapi('PlanProposal');

const refusals = ['unauthenticated', 'forbidden'] as const;

export const proposalRoute = createRoute({
  method: 'get',
  path: '/v1/admin/plan_proposal',
  summary: 'Plans that the products of this Stripe account would be',
  security: access.operator,
  responses: {
    200: json(proposalSchema, 'Nothing is published by asking.'),
    ...problems(...refusals, 'stripe_unavailable'),
  },
});

export const startImportRoute = createRoute({
  method: 'post',
  path: '/v1/admin/stripe_imports',
  summary: 'Take over the customers and subscriptions of this Stripe account',
  description:
    'Charges nobody and changes nothing at Stripe but the metadata that names this installation. Running it again does nothing twice.',
  security: access.operator,
  request: {
    body: body(
      z.object({
        dry_run: z.boolean().default(true),
        choices: z
          .record(z.string().max(64), z.string().max(64))
          .default({})
          .openapi({ description: "Stripe's id of a price or a product, and the id of the plan it is." }),
      }),
    ),
  },
  responses: {
    202: json(importSchema, 'It runs; read it again for its progress.'),
    ...problems(...refusals, 'plan_not_found', 'import_running'),
  },
});

export const listImportsRoute = createRoute({
  method: 'get',
  path: '/v1/admin/stripe_imports',
  summary: 'Imports and dry runs',
  security: access.operator,
  request: { query: listQuery },
  responses: { 200: json(listOf(importSchema), 'Newest first.'), ...problems(...refusals) },
});

export const importRoute = createRoute({
  method: 'get',
  path: '/v1/admin/stripe_imports/{id}',
  summary: 'How far an import is',
  security: access.operator,
  request: { params: idParam },
  responses: { 200: json(importSchema, 'The import.'), ...problems(...refusals, 'not_found') },
});

export const importItemsRoute = createRoute({
  method: 'get',
  path: '/v1/admin/stripe_imports/{id}/items',
  summary: 'What became of each customer and subscription of an import',
  security: access.operator,
  request: { params: idParam, query: listQuery.extend({ outcome: z.enum(outcomes).optional() }) },
  responses: { 200: json(listOf(itemSchema), 'The last first.'), ...problems(...refusals, 'not_found') },
});

export function importView(row: ImportRow, counts: ImportCounts): z.infer<typeof importSchema> {
  const { id, dry_run, failure, choices } = row;
  return {
    object: 'stripe_import',
    id,
    dry_run,
    state: states.find((state) => state === row.state) ?? 'failed',
    failure,
    choices,
    customers: countsView(counts.customers),
    subscriptions: countsView(counts.subscriptions),
    created_at: row.created_at.toISOString(),
    ended_at: row.ended_at?.toISOString() ?? null,
  };
}

function countsView(counts: Record<string, number>): z.infer<typeof countsSchema> {
  const { made = 0, linked = 0, known = 0, skipped = 0 } = counts;
  return { made, linked, known, skipped };
}

export function itemView(item: ImportItem): z.infer<typeof itemSchema> {
  const { object_id, customer_id, reason } = item;
  const outcome = outcomes.find((each) => each === item.outcome) ?? 'skipped';
  return { object: 'stripe_import_item', object_id, outcome, customer_id, reason };
}

export function proposalView(proposal: Proposal, source: string): z.infer<typeof proposalSchema> {
  return { object: 'plan_proposal', plan_ids: Object.keys(proposal.plans), source, skipped: proposal.skipped };
}
