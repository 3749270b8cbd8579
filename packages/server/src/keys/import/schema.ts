import { z } from '@hono/zod-openapi';
import { createKeyBody } from '../schema.ts';

/** NIST SP 800-131A: below this, a hash without salt and stretching does not protect what was hashed. */
export const leastEntropyBits = 112;
export const mostKeys = 1000;

const hash = z
  .string()
  .regex(
    /^(?:[0-9a-fA-F]{64}|[A-Za-z0-9+/_-]{43}=?)$/,
    'Write the SHA-256 of the key: 64 hexadecimal digits, or base64 of its 32 bytes.',
  );

/** One key, as the route takes it and as a line of a file says it. */
export const foreignKeySchema = createKeyBody
  .omit({ customer_id: true })
  .extend({
    hash: hash.openapi({ description: 'SHA-256 of the key’s text, in hexadecimal or base64.' }),
    customer: z.string().min(1).max(128).openapi({ description: 'Farebox’s id of the customer, or your own.' }),
    name: createKeyBody.shape.name.default('Imported key'),
    start: z
      .string()
      .regex(/^[\x21-\x7e]{1,16}$/)
      .default('imported')
      .openapi({ description: 'How the key begins, to recognise it by; never more than that.' }),
  })
  .strict()
  .openapi('ForeignKey');

export const importBody = z
  .object({
    algorithm: z.literal('sha256'),
    entropy_bits: z
      .int()
      .min(leastEntropyBits, `A key that is kept as a bare SHA-256 needs ${leastEntropyBits} random bits at least.`)
      .openapi({
        description: `How many random bits each key has: at least ${leastEntropyBits}, or a hash can be guessed.`,
      }),
    keys: z.array(foreignKeySchema).min(1).max(mostKeys),
  })
  .openapi('ImportApiKeys');

export const importResultSchema = z
  .object({
    object: z.literal('key_import'),
    imported: z.int(),
    existing: z.int(),
    rejected: z.int(),
    results: z
      .array(
        z.object({
          status: z.enum(['imported', 'existing', 'rejected']),
          key_id: z.string().nullable(),
          param: z.string().nullable(),
          detail: z.string().nullable(),
        }),
      )
      .openapi({ description: 'One per key, in order.' }),
  })
  .openapi('KeyImport');

export const progressSchema = z
  .object({
    object: z.literal('key_import_progress'),
    keys: z.int().openapi({ description: 'Keys that came as a hash.' }),
    used: z.int().openapi({ description: 'Of them, those that were used here since.' }),
  })
  .openapi('KeyImportProgress');

export type ForeignKeyInput = z.infer<typeof foreignKeySchema>;

/** A key of the wire or of a file as the service takes it. */
export function foreignKeyOf({ hash: text, expires_at, ...key }: ForeignKeyInput) {
  return {
    ...key,
    hash: text.length === 64 ? Buffer.from(text, 'hex') : Buffer.from(text, 'base64'),
    expires_at: expires_at === null ? null : Date.parse(expires_at),
  };
}
