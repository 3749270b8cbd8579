import type { OpenAPIHono } from '@hono/zod-openapi';
import type { AppEnv } from '../../http/principal.ts';
import { access, body, createRoute, json, problems, router } from '../../http/router.ts';
import { judged } from '../../plans/catalog/judged.ts';
import { wishedList } from '../../plans/catalog/schema.ts';
import { rehearsalQuery, rehearsalSchema, rehearsalView } from './schema.ts';
import type { Rehearse } from './service.ts';

const rehearseRoute = createRoute({
  method: 'post',
  path: '/v1/catalog/rehearse',
  tags: ['Plans'],
  summary: "Everybody's last period by a price list, beside what was billed; changes nothing",
  security: access.seller,
  request: { query: rehearsalQuery, body: body(wishedList) },
  responses: {
    200: json(rehearsalSchema, 'Revenue as it is and as it would be, and who would pay more or less.'),
    ...problems('unauthenticated', 'forbidden'),
  },
});

/** What a change of prices would mean, for the seller. */
export function createRehearsalRoutes({ rehearse }: { rehearse: Rehearse }): OpenAPIHono<AppEnv> {
  const app = router();
  app.openapi(rehearseRoute, async (c) => {
    const rehearsal = await rehearse(judged(c.req.valid('json').price_list));
    return c.json(rehearsalView(rehearsal, c.req.valid('query').limit), 200);
  });
  return app;
}
