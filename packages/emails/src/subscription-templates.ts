import type { ReactElement } from 'react';
import { letter, paragraph, strong } from './layout.ts';
import type { Brand, MailData } from './mail.ts';

type Kinds =
  | 'plan_changed'
  | 'change_scheduled'
  | 'payment_failed'
  | 'action_required'
  | 'final_notice'
  | 'access_restored'
  | 'subscription_paused'
  | 'subscription_resumed'
  | 'cancellation_confirmed'
  | 'subscription_ended'
  | 'subscription_confirmed'
  | 'trial_ending'
  | 'trial_ended'
  | 'refund_issued'
  | 'card_expiring';

interface Template<K extends Kinds> {
  subject(data: MailData[K], brand: Brand): string;
  letter(data: MailData[K], brand: Brand): ReactElement;
}

/** Mails of a subscription's life: what happened, what it means for access and money, and the one thing to do. */
export const subscriptionTemplates: { [K in Kinds]: Template<K> } = {
  plan_changed: {
    subject: (data, brand) => `Your ${brand.seller_name} plan is now ${data.plan_name}`,
    letter: ({ name, plan_name, price, amount, dashboard_url }, brand) =>
      letter({
        brand,
        preview: `${plan_name} for ${price}, from now on.`,
        title: `You are on ${plan_name}`,
        body: [
          paragraph(`Hello ${name},`),
          paragraph(
            'your plan is now ',
            strong(plan_name),
            ` for ${price}. Its limits count from your next request; what you used stays counted.`,
          ),
          ...(amount === null
            ? []
            : [paragraph(`For the rest of this period ${amount} was billed; the invoice says how it comes about.`)]),
        ],
        action: { label: 'See your plan', url: dashboard_url },
        note: null,
      }),
  },
  change_scheduled: {
    subject: (data, brand) => `Your ${brand.seller_name} plan changes to ${data.plan_name} on ${data.starts_on}`,
    letter: ({ name, plan_name, price, starts_on, dashboard_url }, brand) =>
      letter({
        brand,
        preview: `Until ${starts_on} everything stays as it is.`,
        title: `${plan_name} from ${starts_on}`,
        body: [
          paragraph(`Hello ${name},`),
          paragraph(
            'you keep what you paid for until ',
            strong(starts_on),
            `. Then your plan becomes ${plan_name} for ${price}.`,
          ),
          paragraph('Until that day you can undo the change in the dashboard.'),
        ],
        action: { label: 'See or undo the change', url: dashboard_url },
        note: null,
      }),
  },
  payment_failed: {
    subject: (data, brand) => `Your payment of ${data.amount} to ${brand.seller_name} failed`,
    letter: ({ name, amount, reason, next_attempt_on, consequence, pay_url }, brand) =>
      letter({
        brand,
        preview: consequence,
        title: `${amount} could not be charged`,
        body: [
          paragraph(`Hello ${name},`),
          paragraph(`your payment of ${amount} was refused${reason === null ? '.' : `: ${reason}`}`),
          paragraph(
            next_attempt_on === null ? 'It is not tried again by itself.' : `It is tried again on ${next_attempt_on}.`,
          ),
          paragraph(consequence),
        ],
        action: { label: 'Pay now', url: pay_url },
        note: 'Paying restores everything at once.',
      }),
  },
  action_required: {
    subject: (data, brand) => `Please confirm your payment of ${data.amount} to ${brand.seller_name}`,
    letter: ({ name, amount, pay_url }, brand) =>
      letter({
        brand,
        preview: 'Your bank wants you to confirm it.',
        title: `Confirm your payment of ${amount}`,
        body: [
          paragraph(`Hello ${name},`),
          paragraph(`your bank wants you to confirm a payment of ${amount} before it is made. It takes a minute.`),
        ],
        action: { label: 'Confirm the payment', url: pay_url },
        note: 'Nothing is charged until you confirm.',
      }),
  },
  final_notice: {
    subject: (data, brand) => `Last notice: your access to ${brand.seller_name} stops on ${data.stops_on}`,
    letter: ({ name, amount, stops_on, pay_url }, brand) =>
      letter({
        brand,
        preview: `${amount} is still open.`,
        title: `Your access stops on ${stops_on}`,
        body: [
          paragraph(`Hello ${name},`),
          paragraph(
            strong(amount),
            ` is still open. If it is not paid, requests with your API keys are refused from ${stops_on}.`,
          ),
        ],
        action: { label: 'Pay now', url: pay_url },
        note: 'Paying restores everything at once. Your keys and settings stay.',
      }),
  },
  access_restored: {
    subject: (_, brand) => `Thank you: your access to ${brand.seller_name} is restored`,
    letter: ({ name, plan_name, dashboard_url }, brand) =>
      letter({
        brand,
        preview: 'Your payment arrived.',
        title: 'Your access is restored',
        body: [
          paragraph(`Hello ${name},`),
          paragraph(`your payment arrived. Every limit and scope of ${plan_name} is back; your keys are the same.`),
        ],
        action: { label: 'Open the dashboard', url: dashboard_url },
        note: null,
      }),
  },
  subscription_paused: {
    subject: (_, brand) => `Your ${brand.seller_name} subscription is paused`,
    letter: ({ name, plan_name, dashboard_url }, brand) =>
      letter({
        brand,
        preview: 'Nothing is billed until you go on.',
        title: `${plan_name} is paused`,
        body: [
          paragraph(`Hello ${name},`),
          paragraph(
            'nothing is billed and your API keys are refused until you go on. What you paid for and did not use is taken off your next invoice.',
          ),
        ],
        action: { label: 'Go on', url: dashboard_url },
        note: null,
      }),
  },
  subscription_resumed: {
    subject: (_, brand) => `Your ${brand.seller_name} subscription goes on`,
    letter: ({ name, plan_name, dashboard_url }, brand) =>
      letter({
        brand,
        preview: 'Your keys work again.',
        title: `${plan_name} goes on`,
        body: [paragraph(`Hello ${name},`), paragraph('your API keys work again. A new billing period began today.')],
        action: { label: 'Open the dashboard', url: dashboard_url },
        note: null,
      }),
  },
  cancellation_confirmed: {
    subject: (data, brand) => `Your ${brand.seller_name} subscription ends on ${data.ends_on}`,
    letter: ({ name, plan_name, ends_on, dashboard_url }, brand) =>
      letter({
        brand,
        preview: `You can use it until ${ends_on}.`,
        title: `${plan_name} ends on ${ends_on}`,
        body: [
          paragraph(`Hello ${name},`),
          paragraph(
            'you can use everything until ',
            strong(ends_on),
            '. Then your API keys stop working and the last usage is billed.',
          ),
          paragraph('Until that day one click undoes the cancellation.'),
        ],
        action: { label: 'Undo the cancellation', url: dashboard_url },
        note: null,
      }),
  },
  subscription_ended: {
    subject: (_, brand) => `Your ${brand.seller_name} subscription has ended`,
    letter: ({ name, plan_name, dashboard_url }, brand) =>
      letter({
        brand,
        preview: 'Your invoices and usage stay in the dashboard.',
        title: `${plan_name} has ended`,
        body: [
          paragraph(`Hello ${name},`),
          paragraph(
            'your API keys no longer work. Your invoices and usage stay in the dashboard, and you can choose a plan again at any time.',
          ),
        ],
        action: { label: 'Open the dashboard', url: dashboard_url },
        note: null,
      }),
  },
  trial_ending: {
    subject: (data, brand) => `Your ${brand.seller_name} trial ends on ${data.ends_on}`,
    letter: ({ name, plan_name, price, ends_on, dashboard_url }, brand) =>
      letter({
        brand,
        preview: `Then ${plan_name} costs ${price}.`,
        title: `Your trial ends on ${ends_on}`,
        body: [
          paragraph(`Hello ${name},`),
          paragraph(`until ${ends_on} you use ${plan_name} for nothing. Then the first payment of ${price} is due.`),
          paragraph('If you do not want to go on, cancel before that day and nothing is charged.'),
        ],
        action: { label: 'See your plan', url: dashboard_url },
        note: null,
      }),
  },
  trial_ended: {
    subject: (data, brand) => `Your ${brand.seller_name} trial is over: you are on ${data.plan_name}`,
    letter: ({ name, plan_name, price, dashboard_url }, brand) =>
      letter({
        brand,
        preview: `${plan_name} for ${price}, from today on.`,
        title: `${plan_name} goes on`,
        body: [
          paragraph(`Hello ${name},`),
          paragraph(
            'your trial is over, and ',
            strong(plan_name),
            ` goes on for ${price}. Your API keys are the same; the receipt comes with its payment.`,
          ),
        ],
        action: { label: 'See your plan', url: dashboard_url },
        note: null,
      }),
  },
  subscription_confirmed: {
    subject: (data, brand) => `Your ${brand.seller_name} subscription: ${data.plan_name}`,
    letter: ({ name, plan_name, price, next_payment_on, dashboard_url }, brand) =>
      letter({
        brand,
        preview: `${plan_name} for ${price}.`,
        title: `You are on ${plan_name}`,
        body: [
          paragraph(`Hello ${name},`),
          paragraph(
            'your subscription of ',
            strong(plan_name),
            ` for ${price} has begun, and counts from your next request.`,
          ),
          paragraph(`The next payment is due on ${next_payment_on}.`),
        ],
        action: { label: 'See your plan', url: dashboard_url },
        note: null,
      }),
  },
  refund_issued: {
    subject: (data, brand) => `${brand.seller_name} has refunded ${data.amount}`,
    letter: ({ name, amount, dashboard_url }, brand) =>
      letter({
        brand,
        preview: 'It goes back to the card it came from.',
        title: `${amount} refunded`,
        body: [
          paragraph(`Hello ${name},`),
          paragraph(strong(amount), ' goes back to the card it came from. Banks take five to ten days to show it.'),
        ],
        action: { label: 'See your invoices', url: dashboard_url },
        note: null,
      }),
  },
  card_expiring: {
    subject: (_, brand) => `Your card for ${brand.seller_name} expires before your next payment`,
    letter: ({ name, plan_name, card, expires_on, next_payment_on, dashboard_url }, brand) =>
      letter({
        brand,
        preview: `The next payment is due on ${next_payment_on}.`,
        title: `${card} expires on ${expires_on}`,
        body: [
          paragraph(`Hello ${name},`),
          paragraph(
            'the card you pay ',
            strong(plan_name),
            ` with, ${card}, is no longer good on ${next_payment_on}, when the next payment is due.`,
          ),
          paragraph('Add another one in the dashboard, and nothing stops.'),
        ],
        action: { label: 'Add a card', url: dashboard_url },
        note: 'If your bank has sent you a new card already, it may have told us; then there is nothing to do.',
      }),
  },
};
