import { isCidr } from '@farebox/core';
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

export const apiKeySchema = z
  .object({
    object: z.literal('api_key'),
    id: z.string().openapi({ example: 'key_0QVwGGdZ5m9m0sVq8bB4gT2uXhM1yL' }),
    customer_id: z.string(),
    name: z.string(),
    start: z.string().openapi({ description: 'How the key begins, to recognise it by.', example: 'sky_test_3kTQ' }),
    scopes: z.array(z.string()).openapi({ description: 'What the key may do; empty: everything.' }),
    allowed_cidrs: z.array(z.string()).openapi({ description: 'From where it may be used; empty: from anywhere.' }),
    livemode: z.boolean(),
    status: z.enum(['active', 'disabled', 'expired', 'revoked']),
    revealable: z.boolean().openapi({ description: 'Its secret waits to be shown once: POST /v1/keys/first.' }),
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
    customer_id: z
      .string()
      .min(1)
      .max(64)
      .optional()
      .openapi({ description: 'Whose key; only a secret key names it.' }),
    name,
    scopes: z.array(scope).max(50).default([]),
    allowed_cidrs: z.array(cidr).max(50).default([]),
    expires_at: z.iso.datetime({ offset: true }).nullable().default(null),
  })
  .openapi('CreateApiKey');

export const listKeysQuery = listQuery.extend({ customer_id: z.string().min(1).max(64).optional() });

export type ApiKeyView = z.infer<typeof apiKeySchema>;

/** A row as HTTP shows it. What a key may still do is a function of the row and now. */
export function viewOf(row: ApiKeyRow & { revealable?: boolean }, now: number): ApiKeyView {
  return {
    object: 'api_key',
    id: row.id,
    customer_id: row.customer_id,
    name: row.name,
    start: row.start,
    scopes: row.scopes,
    allowed_cidrs: row.allowed_cidrs,
    livemode: row.livemode,
    status: statusOf(row, now),
    revealable: row.revealable ?? false,
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
