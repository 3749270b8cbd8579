import type { ReactElement } from 'react';
import { code, letter, paragraph, strong } from './layout.ts';
import type { Brand, MailData } from './mail.ts';

type Kinds = 'key_rotated';

interface Template<K extends Kinds> {
  subject(data: MailData[K], brand: Brand): string;
  letter(data: MailData[K], brand: Brand): ReactElement;
}

/** Mails about API keys. None holds a secret: they name a key by how it begins. */
export const keyTemplates: { [K in Kinds]: Template<K> } = {
  key_rotated: {
    subject: (data, brand) => `${brand.seller_name}: your API key ${data.key_name} has a new secret`,
    letter: ({ name, key_name, key_start, stops_at, dashboard_url }, brand) =>
      letter({
        brand,
        preview: `The old one stops at ${stops_at}.`,
        title: 'An API key was rotated',
        body: [
          paragraph(`Hello ${name},`),
          paragraph('the API key ', strong(key_name), ' has a new secret. The old one, which begins with '),
          paragraph(code(`${key_start}…`)),
          paragraph('is refused from ', strong(stops_at), ' on. Put the new one wherever it is used before then.'),
        ],
        action: { label: 'See your keys', url: dashboard_url },
        note: 'If that was not you, revoke the key in the dashboard.',
      }),
  },
};
