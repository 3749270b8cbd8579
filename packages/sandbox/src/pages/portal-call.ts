import type { FormHash } from '../http/form.ts';
import { findRoute } from '../http/routes.ts';
import type { Context } from '../resources/context.ts';
import { contextOf } from '../time/test-clock.ts';
import type { Visit } from './portal-parts.ts';

/** Runs a route of the API inside the page's transaction: the portal can do nothing that the API cannot. */
export function call(context: Context, method: string, path: string, hash: FormHash): object {
  const { route, id } = findRoute(method, path);
  return route.run({ ...context, route: route.key }, hash, id);
}

/** Asks the API what would be, and tells nobody. */
export function ask(visit: Visit, method: string, path: string, hash: FormHash): object {
  return call(contextOf(visit.tx, visit.account_name, visit.customer.id), method, path, hash);
}
