import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Farebox } from './index.ts';
import { type CheckResult, type GateOptions, check } from './lib/check.ts';
import { admit, toldOf } from './node.ts';

export { verificationOf } from './lib/admitted.ts';

/** A request of Express, as far as it plays a part. */
export interface ExpressRequest extends IncomingMessage {
  originalUrl: string;
  /** By Express's own `trust proxy`. */
  ip?: string | undefined;
}

/**
 * A middleware for Express: `app.use(gate(farebox))`, or before one route. What may pass goes on with the limit headers on its answer, and
 * `verificationOf(request)` says who calls; another request is answered here.
 */
export function gate<R extends ExpressRequest>(
  farebox: Farebox,
  options: GateOptions<R> = {},
): (request: R, response: ServerResponse, next: () => void) => void | Promise<void> {
  return (request, response, next) => {
    const told = { ...toldOf(request, request.originalUrl), ...(request.ip === undefined ? {} : { ip: request.ip }) };
    const goOn = (result: CheckResult): void => {
      if (admit(request, response, result)) next();
    };
    const result = check(farebox, request, told, options);
    return result instanceof Promise ? result.then(goOn) : goOn(result);
  };
}
