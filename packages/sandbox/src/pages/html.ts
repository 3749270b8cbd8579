import { createHash } from 'node:crypto';
import { css } from './style.ts';

/** Markup that is safe to write as it is. */
export class Html {
  readonly markup: string;
  constructor(markup: string) {
    this.markup = markup;
  }
}

type Part = Html | string | number | null | undefined | false | Part[];

function write(part: Part): string {
  if (part === null || part === undefined || part === false) return '';
  if (part instanceof Html) return part.markup;
  if (Array.isArray(part)) return part.map(write).join('');
  return String(part)
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&#39;');
}

/** Markup with every value escaped, unless it is markup itself. */
export function html(strings: TemplateStringsArray, ...values: Part[]): Html {
  let markup = strings[0] ?? '';
  for (const [index, value] of values.entries()) markup += write(value) + (strings[index + 1] ?? '');
  return new Html(markup);
}

const style_hash = createHash('sha256').update(css).digest('base64');

const headers = {
  'content-type': 'text/html; charset=utf-8',
  'cache-control': 'no-store',
  'content-security-policy': `default-src 'none'; img-src data:; style-src 'sha256-${style_hash}'; base-uri 'none'; frame-ancestors 'none'`,
  // Not `no-referrer`: browsers then send `Origin: null` with our own forms.
  'referrer-policy': 'same-origin',
  'x-content-type-options': 'nosniff',
};

/** A whole page. No script anywhere: everything is links and forms. */
export function page(title: string, body: Html, status = 200): Response {
  const document = html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <meta name="robots" content="noindex" />
        <link rel="icon" href="data:," />
        <title>${title}</title>
        ${new Html(`<style>${css}</style>`)}
      </head>
      <body>
        ${body}
      </body>
    </html> `;
  return new Response(document.markup, { status, headers });
}

/** Sends the browser on; 303 makes it a GET. */
export function redirect(location: string): Response {
  return new Response(null, { status: 303, headers: { location, 'cache-control': 'no-store' } });
}

/** A page that says one thing. */
export function notice(
  title: string,
  text: string,
  link: { href: string; label: string } | null,
  status: number,
): Response {
  return page(
    title,
    html`<main class="notice">
      <p class="mode">Test mode</p>
      <h1>${title}</h1>
      <p>${text}</p>
      ${link === null ? null : html`<p><a class="button" href="${link.href}">${link.label}</a></p>`}
    </main>`,
    status,
  );
}
