import { createHash, randomBytes } from 'node:crypto';
import { readFile, readdir, stat } from 'node:fs/promises';
import { extname, join, relative, sep } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Hono } from 'hono';
import { invariant } from '../lib/invariant.ts';
import type { AppEnv, Principal } from './principal.ts';
import { pagePolicy } from './security-headers.ts';

export interface WebDeps {
  /** `packages/web/dist`: `app/index.html`, `app/assets/*`, `landing.js`. */
  dir: string;
  /** Paths answered with the single-page application's `index.html`; `*` at the end of one takes what is below. */
  pages: readonly string[];
  /** What the landing page shows: the properties its renderer takes. */
  landing(visit: { principal: Principal; query: URLSearchParams }): Promise<unknown>;
}

/** The web build's own code for the landing page: it owns the markup, the server hands it what is on sale. */
interface Landing {
  renderLanding(props: unknown): string;
  /** The text of the page's one `<style>`. */
  landingStyle: string;
}

interface Asset {
  body: Uint8Array<ArrayBuffer>;
  type: string;
  etag: string;
  cache: string;
}

const types: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json',
  '.map': 'application/json',
  '.webmanifest': 'application/manifest+json',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.jpg': 'image/jpeg',
  '.webp': 'image/webp',
  '.ico': 'image/x-icon',
  '.woff2': 'font/woff2',
  '.woff': 'font/woff',
  '.txt': 'text/plain; charset=utf-8',
};

/**
 * The built web application. Its files are read once: what is served is a list made at the start, so that no path of a
 * request ever reaches the file system. Names under `/assets` carry a hash of their content and never change.
 */
export async function createWeb(deps: WebDeps): Promise<Hono<AppEnv>> {
  const assets = await readAssets(join(deps.dir, 'app'));
  const index = assets.get('/index.html');
  invariant(
    index !== undefined,
    `${deps.dir} holds a built web application; build it with: npm run build -w @farebox/web`,
  );
  const shell = new TextDecoder().decode(index.body);
  const landing = await loadLanding(join(deps.dir, 'landing.js'));
  const landingPolicy = pagePolicy(`'sha256-${createHash('sha256').update(landing.landingStyle).digest('base64')}'`);
  const app = new Hono<AppEnv>();

  app.get('/', async (c) => {
    const query = new URL(c.req.url).searchParams;
    const html = landing.renderLanding(await deps.landing({ principal: c.get('principal'), query }));
    return c.html(html, 200, { 'content-security-policy': landingPolicy, 'cache-control': 'no-cache' });
  });
  for (const page of deps.pages) {
    app.get(page, (c) => {
      const nonce = randomBytes(16).toString('base64url');
      const policy = pagePolicy(`'nonce-${nonce}'`);
      return c.html(shell.replaceAll(noncePlace, nonce), 200, { 'content-security-policy': policy });
    });
  }
  for (const [path, asset] of assets) {
    if (path !== '/index.html') app.get(path, (c) => send(c.req.raw.headers, asset));
  }
  return app;
}

/** Where the build left room for the nonce of a page's styles; it differs in every answer. */
const noncePlace = '__CSP_NONCE__';

function send(headers: Headers, { body, type, etag, cache }: Asset): Response {
  const known = headers
    .get('if-none-match')
    ?.split(',')
    .some((tag) => tag.trim().replace(/^W\//, '') === etag);
  const answer = { etag, 'cache-control': cache };
  if (known === true) return new Response(null, { status: 304, headers: answer });
  return new Response(body, { headers: { ...answer, 'content-type': type } });
}

async function readAssets(dir: string): Promise<Map<string, Asset>> {
  const assets = new Map<string, Asset>();
  const names = await readdir(dir, { recursive: true });
  for (const name of names) {
    const file = join(dir, name);
    if (!(await stat(file)).isFile()) continue;
    const body = new Uint8Array(await readFile(file));
    const path = `/${relative(dir, file).split(sep).join('/')}`;
    const cache = path.startsWith('/assets/') ? 'public, max-age=31536000, immutable' : 'no-cache';
    assets.set(path, { body, type: types[extname(name)] ?? 'application/octet-stream', etag: etagOf(body), cache });
  }
  return assets;
}

function etagOf(body: Uint8Array): string {
  return `"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"`;
}

async function loadLanding(file: string): Promise<Landing> {
  const module: unknown = await import(pathToFileURL(file).href);
  invariant(isLanding(module), `${file} exports renderLanding and landingStyle`);
  return module;
}

function isLanding(value: unknown): value is Landing {
  return (
    typeof value === 'object' &&
    value !== null &&
    'renderLanding' in value &&
    typeof value.renderLanding === 'function' &&
    'landingStyle' in value &&
    typeof value.landingStyle === 'string'
  );
}
