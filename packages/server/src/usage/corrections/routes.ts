import { listOf, listQuery, toList } from '../../http/list.ts';
import { customerScope, wisherOf } from '../../http/principal.ts';
import { access, body, createRoute, json, problems, router, z } from '../../http/router.ts';
import { correctionBody, correctionSchema, correctionView, eventNamed, rightContent, voidBody } from './schema.ts';
import type { Corrections } from './service.ts';

const tags = ['Usage'];
const policy =
  'Free until its period is billed. After that the period is rated again as it was then, and the difference is a line of the ' +
  'next invoice with the reason; what credit had paid goes back to credit.';

const voidRoute = createRoute({
  tags,
  method: 'post',
  path: '/v1/usage/events/{id}/void',
  summary: 'An event did not happen: it counts no more',
  description: policy,
  security: access.seller,
  request: { params: z.strictObject({ id: z.string().min(1).max(200) }), body: body(voidBody) },
  responses: {
    200: json(correctionSchema, 'What was changed.'),
    ...problems('unauthenticated', 'forbidden', 'not_found', 'no_change'),
  },
});

const correctRoute = createRoute({
  tags,
  method: 'post',
  path: '/v1/usage/corrections',
  summary: 'An event was another one: it counts as it should have',
  description: policy,
  security: access.seller,
  request: { body: body(correctionBody) },
  responses: {
    201: json(correctionSchema, 'What was changed.'),
    ...problems('unauthenticated', 'forbidden', 'not_found', 'no_change'),
  },
});

const listRoute = createRoute({
  tags,
  method: 'get',
  path: '/v1/usage/corrections',
  summary: 'What was put right of usage: by whom, when, why, and what it cost',
  security: access.anybody,
  request: { query: listQuery.extend({ customer_id: z.string().min(1).max(64).optional() }) },
  responses: { 200: json(listOf(correctionSchema), 'The newest first.'), ...problems('unauthenticated', 'not_found') },
});

/** Usage that was wrong: put right by the seller, seen by the customer too. */
export function createCorrectionRoutes({ corrections }: { corrections: Corrections }) {
  const app = router();
  app.openapi(voidRoute, async (c) => {
    const wish = c.req.valid('json');
    const named = eventNamed({ event_id: c.req.valid('param').id, body: wish });
    return c.json(correctionView(await corrections.void(wisherOf(c).actor, named, wish.reason)), 200);
  });
  app.openapi(correctRoute, async (c) => {
    const wish = c.req.valid('json');
    const named = eventNamed({ event_id: wish.event_id, body: wish });
    const made = await corrections.correct(wisherOf(c).actor, named, rightContent(wish), wish.reason);
    return c.json(correctionView(made), 201);
  });
  app.openapi(listRoute, async (c) => {
    const { customer_id, limit, starting_after = null } = c.req.valid('query');
    const rows = await corrections.list({ customer_id: customerScope(c, customer_id), limit, after: starting_after });
    return c.json(
      toList(rows, limit, correctionView, (row) => row),
      200,
    );
  });
  return app;
}
