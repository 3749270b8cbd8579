import type { ReactElement } from 'react';
import { code, letter, paragraph } from './layout.ts';
import type { Brand, MailData } from './mail.ts';

type Data = MailData['webhook_disabled'];

/** Mails about webhooks. */
export const webhookTemplates = {
  webhook_disabled: {
    subject: (_: Data, brand: Brand) => `${brand.seller_name}: a webhook endpoint was switched off`,
    letter: ({ name, url, is_gone, failing_since_on, webhooks_url }: Data, brand: Brand): ReactElement =>
      letter({
        brand,
        preview: 'Nothing is sent to it any more.',
        title: 'A webhook endpoint was switched off',
        body: [
          paragraph(`Hello ${name},`),
          paragraph('nothing is sent to ', code(url), ' any more.'),
          paragraph(
            is_gone ? 'It answered 410 Gone, which asks for that.' : `Every attempt since ${failing_since_on} failed.`,
          ),
          paragraph('Once it works again, switch it on, and send again what it missed.'),
        ],
        action: { label: 'See what failed', url: webhooks_url },
        note: null,
      }),
  },
};
