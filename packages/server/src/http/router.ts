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
 * What every route may answer (a faulty request, a failure of ours) is added, and what is decided before a route runs
 * (`createDocument`).
 */
export function problems(...codes: ProblemCode[]): Record<never, never> {
  return refusalResponses(refusalsOf(['invalid_request', ...codes, 'internal_error']));
}

/** One refusal that may be answered: a code of ours, or one of the gate. */
export interface Refusal {
  code: string;
  status: number;
  title: string;
  /** What its body says besides. */
  more?: z.ZodRawShape;
}

const promised = new WeakMap<object, readonly Refusal[]>();

/** Responses that promise these refusals: by status, with the codes that come with it. */
export function refusalResponses(refusals: readonly Refusal[]): Record<string, { description: string }> {
  const by_status = Map.groupBy(refusals, ({ status }) => status);
  return Object.fromEntries(
    [...by_status].map(([status, all]) => {
      const found = [...new Map(all.map((refusal) => [refusal.code, refusal])).values()];
      const description = found.map(({ code, title }) => `\`${code}\`: ${title}.`).join(' ');
      const schema = problemSchema.extend({
        ...Object.assign({}, ...found.map(({ more }) => more)),
        code: z.enum(found.map(({ code }) => code)),
      });
      const response = { description, content: { 'application/problem+json': { schema } } };
      promised.set(response, found);
      return [status, response];
    }),
  );
}

/** What these responses promise to refuse. */
export function promisedBy(responses: Readonly<Record<string, object>>): Refusal[] {
  return Object.values(responses).flatMap((response) => promised.get(response) ?? []);
}

export function refusalsOf(codes: readonly ProblemCode[]): Refusal[] {
  return codes.map((code) => ({ code, status: statusOf(code), title: titleOf(code) }));
}

/** Who a route is for, as `security` of its declaration. */
export const access = {
  public: [],
  seller: [{ secret_key: [] }],
  customer: [{ session: [] }],
  operator: [{ session: [] }],
  anybody: [{ secret_key: [] }, { session: [] }],
};
