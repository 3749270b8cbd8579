import type { ReactElement } from 'react';
import { letter, paragraph } from './layout.ts';
import type { Brand, MailData } from './mail.ts';

type Data = MailData['usage_alert'];

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
};
