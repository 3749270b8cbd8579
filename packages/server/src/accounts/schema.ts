import { z } from '@hono/zod-openapi';
import { passwordLength } from './auth.ts';
import type { Person, PortalSession } from './store.ts';

/** One line: a name ends up in the heads of mails. */
// oxlint-disable-next-line no-control-regex -- refusing control characters is the point
const oneLine = /^[^\u0000-\u001f\u007f\u2028\u2029]*$/;

const name = z.string().trim().min(1).max(200).regex(oneLine, 'It must be one line.');
const email = z.email().max(254);
const password = z.string().min(passwordLength.min).max(passwordLength.max);
/** What somebody claims to be a password: short ones are wrong, not malformed. */
const claimedPassword = z.string().min(1).max(passwordLength.max);

export const signUpBody = z.strictObject({ name, email, password });
export const signInBody = z.strictObject({ email, password: claimedPassword });
export const resendBody = z.strictObject({ email });
export const verifyQuery = z.strictObject({ token: z.string().min(1).max(2000) });
export const requestResetBody = z.strictObject({ email });
export const resetBody = z.strictObject({ token: z.string().min(1).max(200), new_password: password });
export const portalBody = z.strictObject({ token: z.string().min(1).max(200) });
export const firstRunBody = z.strictObject({ token: z.string().min(1).max(200), name, email, password });

export const meSchema = z
  .object({
    user: z.object({ id: z.string(), name: z.string(), email: z.string(), email_verified: z.boolean() }),
    customer: z.object({ id: z.string(), name: z.string(), email: z.string() }).nullable(),
    operator: z.object({ role: z.string() }).nullable(),
    portal: z
      .object({
        expires_at: z.string(),
        return_url: z.string().nullable().openapi({ description: 'Where the person came from.' }),
      })
      .nullable()
      .openapi({ description: 'Set for a person without an account, who came by a link the seller asked for.' }),
  })
  .openapi('Me');

export const operatorSchema = z.object({ object: z.literal('operator'), id: z.string(), email: z.string() });

/** Answer of signing up and in. The session is in the cookie and nowhere a script can read. */
export const signedInSchema = z.object({ user: z.object({ id: z.string(), name: z.string(), email: z.string() }) });
export const okSchema = z.object({ ok: z.literal(true) });

export function meBody(
  person: Person,
  customer: { id: string; name: string; email: string } | null,
): z.infer<typeof meSchema> {
  return {
    user: { id: person.id, name: person.name, email: person.email, email_verified: person.email_verified },
    customer: customer === null ? null : { id: customer.id, name: customer.name, email: customer.email },
    operator: person.operator_role === null ? null : { role: person.operator_role },
    portal: null,
  };
}

/** In a portal the person is the customer: nobody else is known. */
export function portalMeBody(
  { id, expires_at, return_url }: PortalSession,
  { id: customer_id, name: customer_name, email: customer_email }: { id: string; name: string; email: string },
): z.infer<typeof meSchema> {
  return {
    user: { id, name: customer_name, email: customer_email, email_verified: true },
    customer: { id: customer_id, name: customer_name, email: customer_email },
    operator: null,
    portal: { expires_at: expires_at.toISOString(), return_url },
  };
}

/** What better-auth says when it refuses. */
export const refusalSchema = z.object({ code: z.string().optional(), message: z.string().optional() });
