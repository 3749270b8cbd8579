import { gateCodes, gateStatus } from '@farebox/core';
import { Hono } from 'hono';
import { html } from 'hono/html';
import { problemTable } from './answer.ts';
import type { AppEnv } from './principal.ts';

/** What each refusal of the gate means to who calls the seller's API. */
const meanings: Record<(typeof gateCodes)[number], string> = {
  VALID: 'The request may pass.',
  NOT_FOUND: 'No key was sent, or it is not known here. Check that it was copied whole.',
  DISABLED: 'The key is switched off. Enable it, or use another.',
  EXPIRED: 'The key was good until its expiry. Create another.',
  REVOKED: 'The key was revoked and stays so. Create another.',
  FORBIDDEN_IP: 'The key may only be used from other addresses.',
  INSUFFICIENT_SCOPE: 'The key is good, but not for this.',
  RATE_LIMITED: 'Too many requests in one of the windows. Retry-After says when there is room.',
  QUOTA_EXCEEDED: 'The included amount of this billing period is used up. RateLimit says when the next one begins.',
  SPEND_CAP_REACHED: 'The amount set as the most to spend in this period is reached.',
  PAYMENT_PAST_DUE: 'A payment failed and the grace period is over. Paying restores access at once.',
  SUBSCRIPTION_INACTIVE: 'There is no subscription that gives access. Choose a plan.',
};

/** The pages that `type` of a problem leads to: every code, with its status and what to do. */
export function createErrorDocs(): Hono<AppEnv> {
  const app = new Hono<AppEnv>();
  app.get('/docs/errors', (c) =>
    c.html(
      page(
        'Errors',
        'Codes of refusals, stable over versions. Each answer also says in words what is wrong, and names the field.',
        problemTable().map(({ code, status, title }) => [code, status, title]),
      ),
    ),
  );
  app.get('/docs/codes', (c) =>
    c.html(
      page(
        'Codes of the gate',
        'What a request to the API is answered with.',
        gateCodes.map((code) => [code, gateStatus[code], meanings[code]]),
      ),
    ),
  );
  return app;
}

function page(title: string, lead: string, rows: (readonly [string, number, string])[]) {
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width" />
        <title>${title}</title>
        <style>
          :root {
            color-scheme: light dark;
            font:
              16px/1.5 system-ui,
              sans-serif;
          }
          body {
            max-width: 46rem;
            margin: 3rem auto;
            padding: 0 1rem;
          }
          dt {
            margin-top: 1.2rem;
            font-weight: 600;
            font-family: ui-monospace, monospace;
            overflow-wrap: anywhere;
          }
          dt small {
            font-weight: 400;
            opacity: 0.8;
          }
          dd {
            margin: 0;
          }
          :target {
            outline: 2px solid;
            outline-offset: 0.4rem;
            border-radius: 0.2rem;
          }
        </style>
      </head>
      <body>
        <h1>${title}</h1>
        <p>${lead}</p>
        <dl>
          ${rows.map(
            ([code, status, text]) =>
              html`<dt id="${code}">${code} <small>${status}</small></dt>
                <dd>${text}</dd>`,
          )}
        </dl>
      </body>
    </html>`;
}
