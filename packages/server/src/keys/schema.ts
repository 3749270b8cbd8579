import { isBudgetWindow, isCidr } from '@farebox/core';
import { z } from '@hono/zod-openapi';
import { listQuery } from '../http/list.ts';
import type { ApiKeyRow } from './store.ts';

const name = z
  .string()
  .trim()
  .min(1)
  .max(100)
  .refine((text) => !/\p{Cc}/u.test(text), 'Leave out control characters.');
const scope = z.string().regex(/^[a-z0-9][a-z0-9:._-]{0,63}$/, 'Write a scope in small letters, digits and : . _ -');
const cidr = z.string().max(64).refine(isCidr, 'Write an IP address or a CIDR block: 203.0.113.7 or 203.0.113.0/24.');
const expires_at = z.iso.datetime({ offset: true }).nullable();
const customer_id = z.string().min(1).max(64);

const budgetSchema = z.strictObject({
  limit: z.int().min(1).max(1_000_000_000_000).openapi({ description: 'Units this key may use.' }),
  window: z
    .string()
    .refine(isBudgetWindow, 'Write 10s, 5m, 1h or 30d (at most 31 days), or period for the billing period.')
    .openapi({ description: 'In how long: `1h`, `30d`, or `period` for the billing period.', example: 'period' }),
});

export const apiKeySchema = z
  .object({
    object: z.literal('api_key'),
    id: z.string().openapi({ example: 'key_0QVwGGdZ5m9m0sVq8bB4gT2uXhM1yL' }),
    customer_id: z.string(),
    name: z.string(),
    start: z.string().openapi({ description: 'How the key begins, to recognise it by.', example: 'sky_test_3kTQ' }),
    scopes: z.array(z.string()).openapi({ description: 'What the key may do; empty: everything.' }),
    allowed_cidrs: z.array(z.string()).openapi({ description: 'From where it may be used; empty: from anywhere.' }),
    budget: budgetSchema.nullable().openapi({ description: "What it may use of its customer's limits; null: all." }),
    livemode: z.boolean(),
    status: z.enum(['active', 'disabled', 'expired', 'revoked']),
    revealable: z.boolean().openapi({
      description: 'Its secret waits to be shown once: POST /v1/keys/{id}/reveal, and /first for the first.',
    }),
    former_until_at: z.iso
      .datetime()
      .nullable()
      .openapi({ description: 'Until when a secret from before the last rotation passes; null when none does.' }),
    last_used_at: z.iso.datetime().nullable().openapi({ description: 'Written in batches: up to a minute late.' }),
    expires_at: z.iso.datetime().nullable(),
    created_at: z.iso.datetime(),
  })
  .openapi('ApiKey');

export const newApiKeySchema = apiKeySchema
  .extend({ secret: z.string().openapi({ description: 'The key itself. Shown in this answer and never again.' }) })
  .openapi('NewApiKey');

export const createKeyBody = z
  .object({
    customer_id: customer_id.optional().openapi({ description: 'Whose key; only a secret key names it.' }),
    name,
    scopes: z.array(scope).max(50).default([]),
    allowed_cidrs: z.array(cidr).max(50).default([]),
    budget: budgetSchema.nullable().default(null),
    expires_at: expires_at.default(null),
  })
  .openapi('CreateApiKey');

export const updateKeyBody = z
  .object({
    name: name.optional(),
    scopes: z.array(scope).max(50).optional(),
    allowed_cidrs: z.array(cidr).max(50).optional(),
    budget: budgetSchema.nullable().optional(),
    expires_at: expires_at.optional().openapi({ description: 'Null: never.' }),
    enabled: z.boolean().optional().openapi({ description: 'False: refused until it is true again.' }),
  })
  .openapi('UpdateApiKey');

/** A month: long enough for the slowest fleet. */
const mostGraceS = 30 * 86_400;

export const rotateKeyBody = z
  .object({
    grace_seconds: z
      .int()
      .min(0)
      .max(mostGraceS)
      .default(86_400)
      .openapi({ description: 'How long the present secret still passes: to the second. 0: it stops now.' }),
  })
  .openapi('RotateApiKey');

export const listKeysQuery = listQuery.extend({ customer_id: customer_id.optional() });

export const patternSchema = z
  .object({
    object: z.literal('key_pattern'),
    brand: z.string(),
    pattern: z.string().openapi({ description: 'A regular expression that finds this seller’s API keys in any text.' }),
    checksum: z.string().openapi({ description: 'How a key is told from a look-alike, without asking anybody.' }),
  })
  .openapi('KeyPattern');

export type ApiKeyView = z.infer<typeof apiKeySchema>;

/** A row as HTTP shows it. What a key may still do is a function of the row and now. */
export function viewOf(row: ApiKeyRow, now: number): ApiKeyView {
  const { budget_limit: limit, budget_window: window, former_until_at } = row;
  const isPassing = former_until_at !== null && former_until_at.getTime() > now;
  return {
    object: 'api_key',
    id: row.id,
    customer_id: row.customer_id,
    name: row.name,
    start: row.start,
    scopes: row.scopes,
    allowed_cidrs: row.allowed_cidrs,
    budget: limit === null || window === null ? null : { limit, window },
    livemode: row.livemode,
    status: statusOf(row, now),
    revealable: row.revealable,
    former_until_at: isPassing ? former_until_at.toISOString() : null,
    last_used_at: row.last_used_at?.toISOString() ?? null,
    expires_at: row.expires_at?.toISOString() ?? null,
    created_at: row.created_at.toISOString(),
  };
}

function statusOf(row: ApiKeyRow, now: number): ApiKeyView['status'] {
  if (row.revoked_at !== null && now >= row.revoked_at.getTime()) return 'revoked';
  if (row.disabled_at !== null && now >= row.disabled_at.getTime()) return 'disabled';
  if (row.expires_at !== null && now >= row.expires_at.getTime()) return 'expired';
  return 'active';
}
