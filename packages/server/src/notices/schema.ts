import type { MailData } from '@farebox/emails';
import { z } from 'zod';

const ofPlan = z.object({ name: z.string(), plan_name: z.string(), dashboard_url: z.string() });

const ofKey = z.object({ name: z.string(), key_name: z.string(), key_start: z.string(), dashboard_url: z.string() });

/** What each kind of notice is told, as it is kept in the row between the transaction and the mail. */
const noticeData = {
  verify_address: z.object({ name: z.string(), url: z.string() }),
  reset_password: z.object({ name: z.string(), url: z.string() }),
  welcome: z.object({
    name: z.string(),
    plan_name: z.string(),
    key_start: z.string().nullable(),
    dashboard_url: z.string(),
    api_url: z.string(),
  }),
  receipt: z.object({
    name: z.string(),
    invoice_number: z.string(),
    amount: z.string(),
    paid_on: z.string(),
    lines: z.array(z.object({ description: z.string(), amount: z.string() })),
    invoice_url: z.string().nullable(),
    pdf_url: z.string().nullable(),
  }),
  upcoming_invoice: ofPlan.extend({
    renews_on: z.string(),
    amount: z.string(),
    lines: z.array(z.object({ description: z.string(), amount: z.string() })),
    has_usage: z.boolean(),
  }),
  plan_changed: ofPlan.extend({ price: z.string(), amount: z.string().nullable() }),
  change_scheduled: ofPlan.extend({ price: z.string(), starts_on: z.string() }),
  payment_failed: z.object({
    name: z.string(),
    amount: z.string(),
    reason: z.string().nullable(),
    next_attempt_on: z.string().nullable(),
    consequence: z.string(),
    pay_url: z.string(),
  }),
  action_required: z.object({ name: z.string(), amount: z.string(), pay_url: z.string() }),
  final_notice: z.object({ name: z.string(), amount: z.string(), stops_on: z.string(), pay_url: z.string() }),
  access_restored: ofPlan,
  subscription_paused: ofPlan,
  subscription_resumed: ofPlan,
  subscription_ended: ofPlan,
  cancellation_confirmed: ofPlan.extend({ ends_on: z.string() }),
  trial_ending: ofPlan.extend({ price: z.string(), ends_on: z.string() }),
  card_expiring: ofPlan.extend({ card: z.string(), expires_on: z.string(), next_payment_on: z.string() }),
  trial_ended: ofPlan.extend({ price: z.string() }),
  subscription_confirmed: ofPlan.extend({ price: z.string(), next_payment_on: z.string() }),
  refund_issued: z.object({ name: z.string(), amount: z.string(), dashboard_url: z.string() }),
  key_created: ofKey,
  key_expiring: ofKey.extend({ stops_at: z.string() }),
  key_rotated: ofKey.extend({ stops_at: z.string() }),
  top_up_failed: z.object({
    name: z.string(),
    amount: z.string(),
    reason: z.string(),
    next: z.string(),
    dashboard_url: z.string(),
  }),
  usage_alert: z.object({
    name: z.string(),
    about: z.string().nullable(),
    title: z.string(),
    sentence: z.string(),
    dashboard_url: z.string(),
  }),
  operator_notice: z.object({
    title: z.string(),
    sentence: z.string(),
    rows: z.array(z.object({ description: z.string(), amount: z.string() })),
    page_url: z.string(),
  }),
  webhook_disabled: z.object({
    name: z.string(),
    url: z.string(),
    is_gone: z.boolean(),
    failing_since_on: z.string(),
    webhooks_url: z.string(),
  }),
  key_leaked: ofKey.extend({ place: z.string().nullable(), consequence: z.string() }),
} satisfies { [K in keyof MailData]: z.ZodType<MailData[K]> };

export type NoticeKind = keyof MailData;

/** Kinds whose link opens an account: their data is sealed while the mail waits. */
export const secretKinds: readonly NoticeKind[] = ['verify_address', 'reset_password'];

/** What stands in the row of a secret kind instead of its data: base64. */
export const sealedData = z.strictObject({ sealed: z.string() });

/** One thing to tell somebody. */
export type NewNotice = {
  [K in NoticeKind]: {
    kind: K;
    /** What is told, as a name: `receipt:in_…:paid`. A second notice of the same name is not made. */
    dedupe_key: string;
    recipient: string;
    customer_id: string | null;
    data: MailData[K];
  };
}[NoticeKind];

/** The data of a row as its kind's; throws when a row holds something else. */
export function parseNotice(
  kind: string,
  data: unknown,
): { [K in NoticeKind]: { kind: K; data: MailData[K] } }[NoticeKind] {
  switch (kind) {
    case 'verify_address':
      return { kind, data: noticeData[kind].parse(data) };
    case 'reset_password':
      return { kind, data: noticeData[kind].parse(data) };
    case 'welcome':
      return { kind, data: noticeData[kind].parse(data) };
    case 'receipt':
      return { kind, data: noticeData[kind].parse(data) };
    case 'upcoming_invoice':
      return { kind, data: noticeData[kind].parse(data) };
    case 'plan_changed':
      return { kind, data: noticeData[kind].parse(data) };
    case 'change_scheduled':
      return { kind, data: noticeData[kind].parse(data) };
    case 'payment_failed':
      return { kind, data: noticeData[kind].parse(data) };
    case 'action_required':
      return { kind, data: noticeData[kind].parse(data) };
    case 'final_notice':
      return { kind, data: noticeData[kind].parse(data) };
    case 'access_restored':
      return { kind, data: noticeData[kind].parse(data) };
    case 'subscription_paused':
      return { kind, data: noticeData[kind].parse(data) };
    case 'subscription_resumed':
      return { kind, data: noticeData[kind].parse(data) };
    case 'subscription_ended':
      return { kind, data: noticeData[kind].parse(data) };
    case 'cancellation_confirmed':
      return { kind, data: noticeData[kind].parse(data) };
    case 'trial_ending':
      return { kind, data: noticeData[kind].parse(data) };
    case 'card_expiring':
      return { kind, data: noticeData[kind].parse(data) };
    case 'trial_ended':
      return { kind, data: noticeData[kind].parse(data) };
    case 'subscription_confirmed':
      return { kind, data: noticeData[kind].parse(data) };
    case 'refund_issued':
      return { kind, data: noticeData[kind].parse(data) };
    case 'key_created':
      return { kind, data: noticeData[kind].parse(data) };
    case 'key_expiring':
      return { kind, data: noticeData[kind].parse(data) };
    case 'key_rotated':
      return { kind, data: noticeData[kind].parse(data) };
    case 'key_leaked':
      return { kind, data: noticeData[kind].parse(data) };
    case 'usage_alert':
      return { kind, data: noticeData[kind].parse(data) };
    case 'top_up_failed':
      return { kind, data: noticeData[kind].parse(data) };
    case 'operator_notice':
      return { kind, data: noticeData[kind].parse(data) };
    case 'webhook_disabled':
      return { kind, data: noticeData[kind].parse(data) };
    default:
      throw new Error(`no mail is called ${kind}`);
  }
}
