import type { MiddlewareHandler } from 'hono';
import { Problem } from '../problem.ts';
import type { AppEnv } from './principal.ts';

/** Calls of the gate; everything else but health is the API's. */
const gatePaths = /^\/v1\/(keys\/verify|gate\/.*)$/;
const everyonesPaths = /^\/(healthz|readyz)$/;

/** Whether a process with these roles answers this path. */
export function answersPath(roles: readonly string[], path: string): boolean {
  return everyonesPaths.test(path) || roles.includes(gatePaths.test(path) ? 'gate' : 'api');
}

/** Refuses what another process of this Farebox is for: a proxy that sends it here is set up wrongly. */
export function createRoleDoor(roles: readonly string[]): MiddlewareHandler<AppEnv> {
  return async (c, next) => {
    const { path } = c.req;
    if (answersPath(roles, path)) return await next();
    throw new Problem(
      'not_found',
      `This process has the role ${roles.join(', ')} and does not answer ${path}. Send it to one with the role ${gatePaths.test(path) ? 'gate' : 'api'}.`,
    );
  };
}
