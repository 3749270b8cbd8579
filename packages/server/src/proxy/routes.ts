import { requireSellerSide } from '../http/principal.ts';
import { access, createRoute, json, problems, router, z } from '../http/router.ts';
import type { Clock } from '../ports.ts';
import { Problem } from '../problem.ts';
import type { Answers } from './answers.ts';

const instant = z.iso.datetime({ offset: true }).transform((text) => Date.parse(text));
const percentile = z.int().nullable().openapi({ description: 'At most so long; null: longer than 30 seconds.' });
const dayMs = 86_400_000;
const longestMs = 93 * dayMs;

const answersRoute = createRoute({
  method: 'get',
  path: '/v1/answers',
  summary: 'What your API answered through the reverse proxy',
  description:
    'By endpoint, as your OpenAPI document calls it, and status; the busiest endpoints first. Kept for 90 days.',
  security: access.anybody,
  request: {
    query: z.strictObject({
      customer_id: z.string().min(1).max(64).optional(),
      from: instant.optional().openapi({ type: 'string', format: 'date-time', description: 'A day ago if left out.' }),
      to: instant.optional().openapi({ type: 'string', format: 'date-time' }),
    }),
  },
  responses: {
    200: json(
      z
        .object({
          object: z.literal('answers'),
          from: z.iso.datetime(),
          to: z.iso.datetime(),
          data: z.array(
            z.object({
              endpoint: z.string(),
              status: z.int().openapi({ description: '499: the caller left before there was an answer.' }),
              answers: z.int(),
              latency_ms: z.object({ average: z.int(), p50: percentile, p95: percentile, p99: percentile }),
            }),
          ),
        })
        .openapi('Answers'),
      'Counted by the hour; hours that `from` or `to` fall into count whole.',
    ),
    ...problems('unauthenticated', 'forbidden'),
  },
});

export function createAnswerRoutes(deps: { answers: Answers; clock: Clock }) {
  const app = router();
  app.openapi(answersRoute, async (c) => {
    requireSellerSide(c);
    const query = c.req.valid('query');
    const to = query.to ?? deps.clock.now();
    const from = query.from ?? to - dayMs;
    if (from >= to || to - from > longestMs)
      throw new Problem('invalid_request', 'from: Must be before `to`, by 93 days at most.', { param: 'from' });
    const hour_from = from - (from % 3_600_000);
    const data = await deps.answers.summary({ from: hour_from, to, customer_id: query.customer_id ?? null });
    const range = { from: new Date(from).toISOString(), to: new Date(to).toISOString() };
    return c.json({ object: 'answers' as const, ...range, data }, 200);
  });
  return app;
}
