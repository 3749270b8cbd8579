import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi';
import type { ProblemCode } from '../problem.ts';
import { statusOf, titleOf } from './answer.ts';
import { invalidRequest } from './body.ts';
import type { AppEnv } from './principal.ts';

export { createRoute, z };

/** What each slice builds its routes on: typed for our requests, faults of any input answered as a Problem. */
export function router(): OpenAPIHono<AppEnv> {
  return new OpenAPIHono<AppEnv>({
    defaultHook: (result) => {
      if (!result.success) throw invalidRequest(result.error);
    },
  });
}

/** A JSON answer of a route. */
export function json<S extends z.ZodType>(schema: S, description: string) {
  return { description, content: { 'application/json': { schema } } };
}

/** A JSON body a route takes; a field the schema does not name is refused. */
export function body<S extends z.ZodRawShape>(schema: z.ZodObject<S>) {
  return { required: true, content: { 'application/json': { schema: schema.strict() } } };
}

/** `{id}` in a path. */
export const idParam = z.strictObject({ id: z.string().min(1).max(64) });

const problemSchema = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    code: z.string(),
    detail: z.string(),
    param: z.string().optional(),
    request_id: z.string(),
    errors: z.array(z.object({ param: z.string(), detail: z.string() })).optional(),
  })
  .openapi('Problem');

/**
 * The refusals a route promises, for the document. Typed as nothing, since handlers throw them and never return them.
 * What every route may answer (a faulty request, a failure of ours) is added.
 */
export function problems(...codes: ProblemCode[]): Record<never, never> {
  const by_status = new Map<number, string[]>();
  for (const code of ['invalid_request', ...codes, 'internal_error'] satisfies ProblemCode[]) {
    const status = statusOf(code);
    by_status.set(status, [...(by_status.get(status) ?? []), `\`${code}\`: ${titleOf(code)}.`]);
  }
  const content = { 'application/problem+json': { schema: problemSchema } };
  return Object.fromEntries(
    [...by_status].map(([status, texts]) => [status, { description: texts.join(' '), content }]),
  );
}

/** Who a route is for, as `security` of its declaration. */
export const access = {
  public: [],
  seller: [{ secret_key: [] }],
  customer: [{ session: [] }],
  operator: [{ session: [] }],
  anybody: [{ secret_key: [] }, { session: [] }],
};
