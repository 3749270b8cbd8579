import type { Farebox } from './index.ts';
import { remember } from './lib/admitted.ts';
import { type GateOptions, check } from './lib/check.ts';
import { admittedResponse, refusedResponse, toldOfFetch } from './lib/fetch.ts';

export { verificationOf } from './lib/admitted.ts';

/** A context of Hono, as far as it plays a part. */
export interface HonoContext {
  req: { raw: Request };
  res: Response;
  env: unknown;
}

/**
 * A middleware for Hono: `app.use(gate(farebox))`. What may pass goes on, `verificationOf(c.req.raw)` says who calls, and the limit headers
 * are on its answer; another request is answered here. The peer's address is known on `@hono/node-server`; elsewhere say `ip`.
 */
export function gate<C extends HonoContext>(
  farebox: Farebox,
  options: GateOptions<C> = {},
): (c: C, next: () => Promise<void>) => Promise<Response | undefined> {
  return async (c, next) => {
    const result = await check(farebox, c, toldOfFetch(c.req.raw, peerOf(c.env)), options);
    if (!result.allowed) return refusedResponse(result);
    remember(c.req.raw, result.verification);
    await next();
    const response = admittedResponse(c.res, result);
    c.res = response;
    return undefined;
  };
}

/** What `@hono/node-server` passes beside a request. */
function peerOf(env: unknown): string | null {
  const { incoming }: { incoming?: { socket?: { remoteAddress?: unknown } } } =
    typeof env === 'object' && env !== null ? env : {};
  const address = incoming?.socket?.remoteAddress;
  return typeof address === 'string' ? address : null;
}
