import { z } from '@hono/zod-openapi';

/** GitHub's form: https://docs.github.com/en/code-security/secret-scanning/secret-scanning-partner-program */
export const reportSchema = z
  .array(
    z.object({
      token: z.string().min(1).max(1000),
      type: z.string().max(200),
      url: z.string().max(4000).default(''),
      source: z.string().max(200).default(''),
    }),
  )
  .min(1)
  .max(200)
  .openapi('LeakReport');

export const verdictsSchema = z
  .array(
    z.object({
      token_hash: z.string().openapi({ description: 'SHA-256 of the text, in base64.' }),
      token_type: z.string(),
      label: z.enum(['true_positive', 'false_positive']),
    }),
  )
  .openapi('LeakVerdicts');
