import { html, type Html, page } from './html.ts';

/** How many rows a table of the control room shows. */
export const SHOWN = 25;

/** `2026-11-24 09:00:00`, in UTC. */
export function instant(at_ms: number): string {
  return new Date(at_ms).toISOString().replace('T', ' ').slice(0, 19);
}

/** The newest records first, as many as are shown. */
export function newest<T>(records: T[]): T[] {
  return records.slice(-SHOWN).toReversed();
}

/** Heads of columns of amounts. */
const numbers: ReadonlySet<string> = new Set(['Amount', 'Struck', 'Total']);

/** A table that scrolls by itself on a narrow screen. */
export function table(caption: string, heads: string[], rows: Html[], above: Html | null = null): Html {
  if (rows.length === 0)
    return html`<section class="card across">
      <h2>${caption}</h2>
      ${above}
      <p class="soft">None yet.</p>
    </section>`;
  return html`<section class="card across">
    <h2>${caption}</h2>
    ${above}
    <div class="scroll" tabindex="0" role="region" aria-label="${caption}">
      <table>
        <thead>
          <tr>
            ${heads.map((head) => html`<th scope="col" ${numbers.has(head) ? html`class="num"` : null}>${head}</th>`)}
          </tr>
        </thead>
        <tbody>
          ${rows}
        </tbody>
      </table>
    </div>
  </section>`;
}

/** A link to an object as the API answers it. */
export function jsonLink(path: string, label: string): Html {
  return html`<a href="/_sandbox/api${path}">${label}</a>`;
}

/** A page of the control room with the way back. */
export function roomPage(title: string, body: Html, status = 200): Response {
  return page(
    title,
    html`<main class="room">
      <p><a href="/_sandbox">← Control room</a></p>
      <h1>${title}</h1>
      <div class="stack">${body}</div>
    </main>`,
    status,
  );
}
