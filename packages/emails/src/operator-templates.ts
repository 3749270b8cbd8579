import type { ReactElement } from 'react';
import { amounts, letter, paragraph } from './layout.ts';
import type { Brand, MailData } from './mail.ts';

type Data = MailData['operator_notice'];

/** Mails to the seller itself. */
export const operatorTemplates = {
  operator_notice: {
    subject: ({ title }: Data, brand: Brand) => `${brand.seller_name}: ${title}`,
    letter: ({ title, sentence, rows, page_url }: Data, brand: Brand): ReactElement =>
      letter({
        brand,
        preview: sentence,
        title,
        body: [paragraph(sentence), ...(rows.length === 0 ? [] : [amounts(rows, null)])],
        action: { label: 'Open the page', url: page_url },
        note: 'Which mails the seller gets is set with FAREBOX_OPERATOR_MAILS.',
      }),
  },
};
