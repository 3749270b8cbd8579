import type { ReactElement } from 'react';
import { amounts, code, letter, link, paragraph, strong } from './layout.ts';
import type { Brand, MailData, MailKind } from './mail.ts';
import { keyTemplates } from './key-templates.ts';
import { operatorTemplates } from './operator-templates.ts';
import { subscriptionTemplates } from './subscription-templates.ts';
import { usageTemplates } from './usage-templates.ts';
import { webhookTemplates } from './webhook-templates.ts';

interface Template<K extends MailKind> {
  subject(data: MailData[K], brand: Brand): string;
  letter(data: MailData[K], brand: Brand): ReactElement;
}

export const templates: { [K in MailKind]: Template<K> } = {
  verify_address: {
    subject: (_, brand) => `Confirm your email address for ${brand.seller_name}`,
    letter: ({ name, url }, brand) =>
      letter({
        brand,
        preview: 'One click and your account is ready.',
        title: 'Confirm your email address',
        body: [
          paragraph(`Hello ${name},`),
          paragraph(`you signed up at ${brand.seller_name} with this address. Please confirm that it is yours.`),
        ],
        action: { label: 'Confirm address', url },
        note: 'If that was not you, ignore this mail: nothing happens without the button.',
      }),
  },
  reset_password: {
    subject: (_, brand) => `Set a new password for ${brand.seller_name}`,
    letter: ({ name, url }, brand) =>
      letter({
        brand,
        preview: 'The link works once, for an hour.',
        title: 'Set a new password',
        body: [
          paragraph(`Hello ${name},`),
          paragraph(
            `somebody asked for a new password for your account at ${brand.seller_name}. The button leads to a page where you set it.`,
          ),
          paragraph('The link works once, for an hour. Afterwards you are signed out everywhere.'),
        ],
        action: { label: 'Set a new password', url },
        note: 'If that was not you, ignore this mail: your password stays as it is.',
      }),
  },
  welcome: {
    subject: (data, brand) => `Welcome to ${brand.seller_name} ${data.plan_name}`,
    letter: ({ name, plan_name, key_start, dashboard_url, api_url }, brand) =>
      letter({
        brand,
        preview: 'Your API key is waiting in the dashboard.',
        title: `Welcome to ${plan_name}`,
        body: [
          paragraph(`Hello ${name},`),
          paragraph('your subscription has begun.'),
          key_start === null
            ? paragraph('Make an API key in the dashboard to begin.')
            : paragraph(
                'Your API key begins with ',
                code(`${key_start}…`),
                '. The dashboard shows the whole key once; keep it like a password.',
              ),
          paragraph('Send requests to ', link(api_url, api_url), '.'),
        ],
        action: { label: 'Open the dashboard', url: dashboard_url },
        note: null,
      }),
  },
  receipt: {
    subject: (data, brand) => `Your receipt from ${brand.seller_name}: ${data.amount}`,
    letter: ({ name, invoice_number, amount, paid_on, lines, invoice_url, pdf_url }, brand) =>
      letter({
        brand,
        preview: `Invoice ${invoice_number}, paid on ${paid_on}.`,
        title: `${amount} paid`,
        body: [
          paragraph(`Hello ${name},`),
          paragraph('thank you: invoice ', strong(invoice_number), ` was paid on ${paid_on}.`),
          amounts(lines, { description: 'Total paid', amount }),
          ...(pdf_url !== null && invoice_url !== null
            ? [paragraph('For your books: ', link(pdf_url, 'the invoice as PDF'), '.')]
            : []),
        ],
        action: actionOf(invoice_url, pdf_url),
        note: null,
      }),
  },
  upcoming_invoice: {
    subject: (data, brand) => `Your next invoice from ${brand.seller_name}: ${data.amount} on ${data.renews_on}`,
    letter: ({ name, plan_name, renews_on, amount, lines, has_usage, dashboard_url }, brand) =>
      letter({
        brand,
        preview: `${plan_name} renews on ${renews_on}.`,
        title: `${amount} on ${renews_on}`,
        body: [
          paragraph(`Hello ${name},`),
          paragraph(
            'your subscription of ',
            strong(plan_name),
            ` renews on ${renews_on}. Its next invoice, as it stands now:`,
          ),
          amounts(lines, { description: 'Total', amount }),
          ...(has_usage ? [paragraph('What you use until then is added.')] : []),
        ],
        action: { label: 'See what it is made of', url: dashboard_url },
        note: 'To change or cancel the subscription, do so in the dashboard before that day.',
      }),
  },
  ...subscriptionTemplates,
  ...keyTemplates,
  ...webhookTemplates,
  ...usageTemplates,
  ...operatorTemplates,
};

function actionOf(invoice_url: string | null, pdf_url: string | null): { label: string; url: string } | null {
  if (invoice_url !== null) return { label: 'View the invoice', url: invoice_url };
  return pdf_url === null ? null : { label: 'Download the PDF', url: pdf_url };
}
