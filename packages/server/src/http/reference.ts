import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { Hono } from 'hono';
import { html } from 'hono/html';
import type { AppEnv } from './principal.ts';

const script = join(import.meta.dirname, '../../assets/scalar/standalone.js.gz');

/**
 * Draws the document that this program answers. Everything is on this machine: no font, no proxy, no assistant, no count of
 * visits. A file of its own, since the page's policy lets no inline script run.
 */
const start = `Scalar.createApiReference('#reference', {
  url: '/openapi.json',
  withDefaultFonts: false,
  telemetry: false,
  agent: { disabled: true },
  mcp: { disabled: true },
  showDeveloperTools: 'never',
  hideClientButton: true,
  defaultOpenAllTags: false,
  theme: 'none',
});
`;

/** The reference of the API for people, from the same document that programs read. */
export async function createReference(): Promise<Hono<AppEnv>> {
  const packed = new Uint8Array(await readFile(script));
  const etag = `"${createHash('sha256').update(packed).digest('base64url').slice(0, 22)}"`;
  const app = new Hono<AppEnv>();
  app.get('/docs/api', (c) => c.html(page()));
  app.get('/docs/api/start.js', (c) => c.body(start, 200, { 'content-type': javascript, 'cache-control': 'no-cache' }));
  app.get('/docs/api/reference.js', async (c) => {
    const headers = { etag, 'cache-control': 'public, max-age=86400', vary: 'accept-encoding' };
    if (c.req.header('if-none-match') === etag) return c.body(null, 304, headers);
    const takesGzip = /\bgzip\b/.test(c.req.header('accept-encoding') ?? '');
    const body = takesGzip ? packed : new Uint8Array(await promisify(gunzip)(packed));
    const encoding: Record<string, string> = takesGzip ? { 'content-encoding': 'gzip' } : {};
    return c.body(body, 200, { ...headers, ...encoding, 'content-type': javascript });
  });
  return app;
}

const javascript = 'text/javascript; charset=utf-8';

function page() {
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>API reference</title>
        <link rel="icon" href="data:," />
        <style>
          :root {
            color-scheme: light dark;
          }
          body {
            margin: 0;
            font-family: system-ui, sans-serif;
          }
          .light-mode {
            --scalar-color-1: #1c1917;
            --scalar-color-2: #44403c;
            --scalar-color-3: #57534e;
            --scalar-color-accent: #0f766e;
            --scalar-color-blue: #0a62a8;
            --scalar-color-green: #0b6b4b;
            --scalar-color-orange: #8a4b08;
            --scalar-color-yellow: #8a4b08;
            --scalar-color-red: #b42318;
            --scalar-background-1: #ffffff;
            --scalar-background-2: #fafaf9;
            --scalar-background-3: #f0efed;
            --scalar-border-color: #e7e5e4;
          }
          .dark-mode {
            --scalar-color-1: #f5f5f4;
            --scalar-color-2: #d6d3d1;
            --scalar-color-3: #a8a29e;
            --scalar-color-accent: #5eead4;
            --scalar-color-blue: #7cc4ff;
            --scalar-color-green: #6ee7b7;
            --scalar-color-orange: #fcd07a;
            --scalar-color-yellow: #fcd07a;
            --scalar-color-red: #fca5a0;
            --scalar-background-1: #0f0d0c;
            --scalar-background-2: #191614;
            --scalar-background-3: #221f1c;
            --scalar-border-color: #2d2926;
          }
          noscript {
            display: block;
            padding: 2rem 1rem;
          }
        </style>
      </head>
      <body>
        <div id="reference"></div>
        <noscript>This page needs JavaScript. The same is in <a href="/openapi.json">openapi.json</a>.</noscript>
        <script src="/docs/api/reference.js"></script>
        <script src="/docs/api/start.js"></script>
      </body>
    </html>`;
}
