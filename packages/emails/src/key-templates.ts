import type { ReactElement } from 'react';
import { code, letter, paragraph, strong } from './layout.ts';
import type { Brand, MailData } from './mail.ts';

type Kinds = 'key_created' | 'key_expiring' | 'key_rotated' | 'key_leaked';

interface Template<K extends Kinds> {
  subject(data: MailData[K], brand: Brand): string;
  letter(data: MailData[K], brand: Brand): ReactElement;
}

/** Mails about API keys. None holds a secret: they name a key by how it begins. */
export const keyTemplates: { [K in Kinds]: Template<K> } = {
  key_created: {
    subject: (data, brand) => `${brand.seller_name}: a new API key, ${data.key_name}`,
    letter: ({ name, key_name, key_start, dashboard_url }, brand) =>
      letter({
        brand,
        preview: `It begins with ${key_start}.`,
        title: 'An API key was made',
        body: [
          paragraph(`Hello ${name},`),
          paragraph(
            'the API key ',
            strong(key_name),
            ' was made in your account. It begins with ',
            code(`${key_start}…`),
            '.',
          ),
        ],
        action: { label: 'See your keys', url: dashboard_url },
        note: 'If nobody of yours did that, revoke the key in the dashboard and change your password.',
      }),
  },
  key_expiring: {
    subject: (data, brand) => `${brand.seller_name}: your API key ${data.key_name} ends soon`,
    letter: ({ name, key_name, key_start, stops_at, dashboard_url }, brand) =>
      letter({
        brand,
        preview: `It is refused from ${stops_at} on.`,
        title: 'An API key ends soon',
        body: [
          paragraph(`Hello ${name},`),
          paragraph(
            'the API key ',
            strong(key_name),
            ', which begins with ',
            code(`${key_start}…`),
            ', is refused from ',
            strong(stops_at),
            ' on.',
          ),
          paragraph('Move its end, or put another key wherever it is used before then.'),
        ],
        action: { label: 'See your keys', url: dashboard_url },
        note: null,
      }),
  },
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
  key_leaked: {
    subject: (data, brand) => `${brand.seller_name}: your API key ${data.key_name} was found in public`,
    letter: ({ name, key_name, key_start, place, consequence, dashboard_url }, brand) =>
      letter({
        brand,
        preview: consequence,
        title: 'An API key was found in public',
        body: [
          paragraph(`Hello ${name},`),
          paragraph(
            'a scanner found the API key ',
            strong(key_name),
            ', which begins with ',
            code(`${key_start}…`),
            '.',
          ),
          ...(place === null
            ? []
            : [paragraph('It stands at ', code(place), '. Remove it there, from the history too.')]),
          paragraph(consequence),
        ],
        action: { label: 'See your keys', url: dashboard_url },
        note: 'Whoever read it may have used it: the dashboard shows when it was used last.',
      }),
  },
};
