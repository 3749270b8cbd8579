import type { Run } from '../account.ts';
import type { Controls } from '../controls.ts';
import type { Store } from '../store/store.ts';
import type { SandboxClock } from '../time/clock.ts';
import type { Deliveries } from '../webhooks/deliveries.ts';
import { notice } from './html.ts';

/** The runs of the sandbox, as the control room shows them. */
export interface RunList {
  /** The run of this account; empty for the shared one. */
  own: string;
  names(): string[];
  open(name: string): Promise<unknown>;
  end(name: string): Promise<boolean>;
}

/** What the pages are made of. */
export interface PageDeps {
  account_name: string;
  clock: SandboxClock;
  committed(): void;
  controls: Controls;
  deliveries: Deliveries;
  failed(cause: unknown): void;
  /** Pages and API of this account. */
  fetch(request: Request): Promise<Response>;
  run: Run;
  runs: RunList;
  store: Store;
}

/** A request for a page, taken apart. */
export interface PageRequest {
  method: string;
  /** Segments after the page's own first one. */
  rest: string[];
  form: URLSearchParams;
  /** The body, where it was sent as JSON; `null` otherwise. */
  body: unknown;
  /** Wants JSON and sends it. */
  json: boolean;
  origin: string;
}

/** A form of another site must not press our buttons. */
function isForeign(request: Request): boolean {
  if (request.method !== 'POST') return false;
  const site = request.headers.get('sec-fetch-site');
  if (site !== null) return site !== 'same-origin' && site !== 'none';
  const from = request.headers.get('origin');
  if (from === null) return false;
  return from === 'null' || !URL.canParse(from) || new URL(from).host !== new URL(request.url).host;
}

/** What was sent, as a form; JSON besides as it is. */
async function contentOf(request: Request): Promise<{ form: URLSearchParams; body: unknown }> {
  if (request.method !== 'POST') return { form: new URL(request.url).searchParams, body: null };
  const text = await request.text();
  if (!/json/.test(request.headers.get('content-type') ?? '')) return { form: new URLSearchParams(text), body: null };
  const form = new URLSearchParams();
  const body: unknown = text === '' ? {} : JSON.parse(text);
  if (typeof body === 'object' && body !== null) {
    for (const [key, value] of Object.entries(body)) form.set(key, String(value));
  }
  return { form, body };
}

type Pages = (request: PageRequest) => Promise<Response>;

// Read when somebody looks: a program that only calls the API starts without them.
const pages: Record<string, (deps: PageDeps) => Promise<Pages>> = {
  c: async (deps) => (await import('./checkout.ts')).checkoutPages(deps),
  i: async (deps) => (await import('./invoice.ts')).invoicePages(deps),
  n: async (deps) => (await import('./credit-note.ts')).creditNotePages(deps),
  r: async (deps) => (await import('./receipt.ts')).receiptPages(deps),
  p: async (deps) => (await import('./portal.ts')).portalPages(deps),
  '3ds': async (deps) => (await import('./authentication.ts')).authenticationPages(deps),
  _sandbox: async (deps) => (await import('./control-room.ts')).controlRoom(deps),
};

/** The first segments of hosted pages; an object's own address follows. */
const hosted: ReadonlySet<string> = new Set(['c', 'i', 'n', 'p', '3ds']);

/** Whether a path is that of a hosted page, of whichever account. */
export function isHosted(path: string): boolean {
  return hosted.has(path.split('/')[1] ?? '');
}

/** Answers every page of the sandbox; `null` for what is not one. */
export function createPages(deps: PageDeps): (request: Request, origin: string) => Promise<Response | null> {
  const opened = new Map<string, Promise<Pages>>();
  /** The pages under this segment, made at the first visit. */
  const pagesUnder = async (first: string): Promise<Pages | undefined> => {
    const open = Object.hasOwn(pages, first) ? pages[first] : undefined;
    if (open === undefined) return undefined;
    const made = opened.get(first) ?? open(deps);
    opened.set(first, made);
    return await made;
  };
  return async (request, origin) => {
    const [, first = '', ...rest] = new URL(request.url).pathname.split('/');
    if (first === '' && rest.length === 0) {
      return notice('A local Stripe', 'The API is under /v1.', { href: '/_sandbox', label: 'Control room' }, 200);
    }
    const answer = await pagesUnder(first);
    if (answer === undefined) return null;
    const { method } = request;
    if (method !== 'GET' && method !== 'POST' && method !== 'HEAD') {
      return new Response('Method not allowed\n', { status: 405, headers: { allow: 'GET, POST' } });
    }
    if (isForeign(request)) return notice('Not from here', 'This form was sent from another site.', null, 403);
    const accepts = `${request.headers.get('accept') ?? ''} ${request.headers.get('content-type') ?? ''}`;
    try {
      const { form, body } = await contentOf(request);
      return await answer({ method, rest, form, body, json: accepts.includes('application/json'), origin });
    } catch (cause) {
      if (cause instanceof SyntaxError)
        return Response.json({ error: { message: 'The body is not JSON.' } }, { status: 400 });
      deps.failed(cause);
      return notice('The sandbox failed', cause instanceof Error ? cause.message : String(cause), null, 500);
    }
  };
}
