import { html, raw } from 'hono/html';
import type { HtmlEscapedString } from 'hono/utils/html';
import type { InboxEntry } from './store.ts';

type Page = HtmlEscapedString | Promise<HtmlEscapedString>;

const time = new Intl.DateTimeFormat('en-GB', {
  day: 'numeric',
  month: 'short',
  year: 'numeric',
  hour: '2-digit',
  minute: '2-digit',
  timeZone: 'UTC',
});

/** The list, newest first. While it is empty it looks again by itself. */
export function inboxPage(mails: readonly InboxEntry[]): Page {
  const isEmpty = mails.length === 0;
  return page(
    'Mail inbox',
    html`<header>
        <h1>Mail inbox</h1>
        <p class="faint">
          Mails that Farebox would have sent. They stay on this machine; set <code>SMTP_URL</code> to send them.
        </p>
      </header>
      ${
        isEmpty
          ? emptyState()
          : html`<ul class="list">
              ${mails.map(entry)}
            </ul>`
      }`,
    isEmpty ? html`<meta http-equiv="refresh" content="3" />` : '',
  );
}

function emptyState(): Page {
  return html`<section class="empty">
    <h2>No mail yet</h2>
    <p class="faint">Sign up or pay for a plan, and the mail appears here.</p>
  </section>`;
}

function entry(mail: InboxEntry): Page {
  return html`<li>
    <a href="/_inbox/${encodeURIComponent(mail.id)}">
      <span class="subject">${mail.subject}</span>
      <span class="faint to">to ${mail.recipient}</span>
      <span class="faint when">${when(mail.received_at)}</span>
    </a>
  </li>`;
}

/** One mail. Its HTML lives in a frame without scripts and without this page's origin; links open beside it. */
export function mailPage(mail: InboxEntry & { html: string; text: string }, view: 'html' | 'text'): Page {
  const path = `/_inbox/${encodeURIComponent(mail.id)}`;
  const tab = (name: 'html' | 'text', label: string) =>
    html`<a href="${path}?view=${name}" ${name === view ? raw('aria-current="page"') : ''}>${label}</a>`;
  return page(
    mail.subject,
    html`<header>
        <nav><a href="/_inbox">← Inbox</a></nav>
        <h1>${mail.subject}</h1>
        <dl>
          <dt>From</dt>
          <dd>${mail.sender}</dd>
          <dt>To</dt>
          <dd>${mail.recipient}</dd>
          <dt>At</dt>
          <dd>${when(mail.received_at)}</dd>
        </dl>
        <nav class="tabs" aria-label="Version">${tab('html', 'HTML')}${tab('text', 'Text')}</nav>
      </header>
      ${
        view === 'text'
          ? html`<pre class="sheet">${mail.text}</pre>`
          : html`<iframe
              class="sheet"
              title="The mail"
              sandbox="allow-popups allow-popups-to-escape-sandbox"
              srcdoc="${`<base target="_blank">${mail.html}`}"
            ></iframe>`
      }`,
  );
}

export function missingPage(): Page {
  return page(
    'Mail not found',
    html`<header>
      <nav><a href="/_inbox">← Inbox</a></nav>
      <h1>There is no such mail</h1>
      <p class="faint">The inbox keeps the newest 500.</p>
    </header>`,
  );
}

function when(at: Date): Page {
  return html`<time datetime="${at.toISOString()}">${time.format(at)} UTC</time>`;
}

function page(title: string, content: Page, head: Page | string = ''): Page {
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <meta name="robots" content="noindex" />
        ${head}
        <title>${title} · Mail inbox</title>
        <style>
          ${raw(styles)}
        </style>
      </head>
      <body>
        <main>${content}</main>
      </body>
    </html>`;
}

const styles = `
  :root { color-scheme: light; --page: #fafaf9; --card: #fff; --ink: #1c1917; --faint: #57534e; --rule: #e7e5e4; --accent: #0f766e; }
  @media (prefers-color-scheme: dark) {
    :root { color-scheme: dark; --page: #1c1917; --card: #292524; --ink: #f5f5f4; --faint: #a8a29e; --rule: #44403c; --accent: #5eead4; }
  }
  * { box-sizing: border-box; }
  body { margin: 0; background: var(--page); color: var(--ink); font: 15px/1.5 Inter, system-ui, sans-serif; }
  main { max-width: 760px; margin: 0 auto; padding: 32px 16px; display: flex; flex-direction: column; gap: 20px; min-height: 100dvh; }
  h1 { font-size: 22px; line-height: 1.3; margin: 0 0 4px; overflow-wrap: anywhere; }
  h2 { font-size: 17px; margin: 0 0 4px; }
  p { margin: 0; }
  a { color: var(--accent); }
  a:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; border-radius: 4px; }
  code { font: 13px ui-monospace, Menlo, Consolas, monospace; }
  .faint { color: var(--faint); }
  .list { list-style: none; margin: 0; padding: 0; background: var(--card); border: 1px solid var(--rule); border-radius: 10px; overflow: hidden; }
  .list li + li { border-top: 1px solid var(--rule); }
  .list a { display: grid; grid-template-columns: 1fr auto; gap: 2px 16px; padding: 12px 16px; color: inherit; text-decoration: none; }
  .list a:hover .subject { text-decoration: underline; }
  .list a:focus-visible { outline-offset: -2px; border-radius: 10px; }
  .subject { font-weight: 600; grid-column: 1 / -1; overflow-wrap: anywhere; }
  .to { overflow-wrap: anywhere; }
  .when { white-space: nowrap; font-size: 13px; }
  .empty { background: var(--card); border: 1px dashed var(--rule); border-radius: 10px; padding: 48px 16px; text-align: center; }
  dl { display: grid; grid-template-columns: auto 1fr; gap: 2px 12px; margin: 8px 0 16px; }
  dt { color: var(--faint); }
  dd { margin: 0; overflow-wrap: anywhere; }
  nav { margin-bottom: 8px; }
  .tabs { display: flex; gap: 4px; margin: 0; }
  .tabs a { padding: 6px 14px; border-radius: 8px; color: inherit; text-decoration: none; }
  .tabs a[aria-current] { background: var(--card); border: 1px solid var(--rule); font-weight: 600; }
  .sheet { flex: 1; min-height: 60dvh; width: 100%; margin: 0; background: var(--card); border: 1px solid var(--rule); border-radius: 10px; }
  pre.sheet { padding: 20px; white-space: pre-wrap; overflow-wrap: anywhere; font: 13px/1.6 ui-monospace, Menlo, Consolas, monospace; }
  @media (max-width: 480px) { main { padding: 20px 12px; } .list a { grid-template-columns: 1fr; } }
`;
