import { isTimeZone } from '@farebox/core';
import { z } from '@hono/zod-openapi';
import type { ListedCustomer } from './store.ts';

/** One line: names and addresses end up in the heads of mails. */
// oxlint-disable-next-line no-control-regex -- refusing control characters is the point
const oneLine = /^[^\u0000-\u001f\u007f\u2028\u2029]*$/;

const name = z.string().trim().min(1).max(200).regex(oneLine, 'It must be one line.');
const email = z.email().max(254);
const timeZone = z.string().refine(isTimeZone, 'Must be the name of a time zone, like Europe/Berlin.');

export const customerSchema = z
  .object({
    object: z.literal('customer'),
    id: z.string(),
    external_id: z.string().nullable().openapi({ description: "The seller's own id of this customer." }),
    name: z.string(),
    email: z.string(),
    time_zone: z.string().openapi({ description: 'Where its days begin: a name of the IANA database.' }),
    stripe_customer_id: z.string().nullable(),
    created_at: z.iso.datetime(),
    subscriptions: z
      .array(
        z.object({
          group: z.string(),
          plan_id: z.string(),
          plan_name: z.string(),
          status: z.string(),
          current_period_end_at: z.iso.datetime(),
        }),
      )
      .openapi({ description: 'What it has now: one plan in each group at most, the oldest first.' }),
  })
  .openapi('Customer');

export const deletedSchema = z
  .object({ object: z.literal('customer'), id: z.string(), deleted: z.literal(true) })
  .openapi('DeletedCustomer');

export type CustomerBody = z.infer<typeof customerSchema>;

export const createCustomerBody = z.strictObject({
  external_id: z.string().min(1).max(200).regex(oneLine, 'It must be one line.').optional(),
  name,
  email,
  time_zone: timeZone.optional(),
});

export const updateCustomerBody = z.strictObject({
  name: name.optional(),
  email: email.optional(),
  time_zone: timeZone.optional(),
});

/** A row as HTTP shows it. */
export function customerBody(row: ListedCustomer): CustomerBody {
  return {
    object: 'customer',
    id: row.id,
    external_id: row.external_id,
    name: row.name,
    email: row.email,
    time_zone: row.time_zone,
    stripe_customer_id: row.stripe_customer_id,
    created_at: row.created_at.toISOString(),
    subscriptions: row.subscriptions.map(({ current_period_end_at, ...held }) => ({
      ...held,
      current_period_end_at: new Date(current_period_end_at).toISOString(),
    })),
  };
}
