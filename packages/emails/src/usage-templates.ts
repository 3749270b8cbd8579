import type { ReactElement } from 'react';
import { letter, paragraph } from './layout.ts';
import type { Brand, MailData } from './mail.ts';

type Data = MailData['usage_alert'];
type TopUp = MailData['top_up_failed'];

/** Mails about what is used. */
export const usageTemplates = {
  usage_alert: {
    subject: ({ title }: Data, brand: Brand) => `${brand.seller_name}: ${title}`,
    letter: ({ name, about, title, sentence, dashboard_url }: Data, brand: Brand): ReactElement =>
      letter({
        brand,
        preview: sentence,
        title,
        body: [
          paragraph(`Hello ${name},`),
          ...(about === null ? [] : [paragraph(`This is about ${about}.`)]),
          paragraph(sentence),
        ],
        action: { label: 'See usage', url: dashboard_url },
        note: 'This is told once in each period.',
      }),
  },
  top_up_failed: {
    subject: ({ amount }: TopUp, brand: Brand) => `Your automatic top-up of ${amount} at ${brand.seller_name} failed`,
    letter: ({ name, amount, reason, next, dashboard_url }: TopUp, brand: Brand): ReactElement =>
      letter({
        brand,
        preview: next,
        title: `${amount} of credit could not be bought`,
        body: [
          paragraph(`Hello ${name},`),
          paragraph(`little of your credit is left, and buying more was not possible: ${reason}`),
          paragraph(next),
        ],
        action: { label: 'Top up or change the card', url: dashboard_url },
        note: 'Nothing was charged. Usage goes on, and is billed when its period ends.',
      }),
  },
};
