import { intervals, toPlanFile } from '@farebox/core';
import type { OpenAPIHono } from '@hono/zod-openapi';
import type { Reader } from '../../db/database.ts';
import type { AppEnv } from '../../http/principal.ts';
import { access, body, createRoute, json, problems, router, z } from '../../http/router.ts';
import { Problem } from '../../problem.ts';
import { planFileText } from './file-text.ts';
import { judged } from './judged.ts';
import { wishedList } from './schema.ts';
import { catalogReport } from '../service.ts';
import { storedPriceList } from '../store.ts';

const reportSchema = z
  .object({
    object: z.literal('catalog_report'),
    changes: z.boolean().openapi({ description: 'Whether a push would do anything.' }),
    plans: z.array(
      z.object({
        plan_id: z.string(),
        name: z.string(),
        type: z.enum(['new', 'changed', 'restored', 'archived', 'unchanged']),
        version: z.int().openapi({ description: 'On sale after a push; of an archived plan, until then.' }),
        differences: z.array(
          z.object({ path: z.string(), before: z.string().nullable(), after: z.string().nullable() }),
        ),
        stripe: z.array(
          z.object({
            type: z.enum(['create_product', 'update_product', 'create_price']),
            key: z.string(),
            amount: z
              .object({ minor: z.int(), currency: z.string(), interval: z.enum(intervals).nullable() })
              .nullable(),
          }),
        ),
        effect: z.object({
          customers: z.int().openapi({ description: 'Who has the plan. A push moves nobody to another version.' }),
          mrr: z.array(z.object({ currency: z.string(), now_minor: z.int(), moved_minor: z.int() })),
          cannot_move: z.int(),
        }),
      }),
    ),
    meters: z.array(
      z.object({
        meter_id: z.string(),
        name: z.string(),
        type: z.enum(['new', 'changed', 'removed', 'unchanged']),
        differences: z.array(
          z.object({ path: z.string(), before: z.string().nullable(), after: z.string().nullable() }),
        ),
      }),
    ),
  })
  .openapi('CatalogReport');

const exportSchema = z
  .object({
    object: z.literal('price_list'),
    price_list: z.record(z.string(), z.unknown()).openapi({ description: 'As `definePlans` takes it.' }),
    source: z.string().openapi({ description: 'The same as the text of `farebox.config.ts`.' }),
  })
  .openapi('PriceList');

const planRoute = createRoute({
  method: 'post',
  path: '/v1/catalog/plan',
  tags: ['Plans'],
  summary: 'What a price list would change, here and at Stripe, and whom it touches; changes nothing',
  security: access.seller,
  request: {
    body: body(wishedList),
  },
  responses: { 200: json(reportSchema, 'Plan by plan.'), ...problems('unauthenticated', 'forbidden') },
});

const exportRoute = createRoute({
  method: 'get',
  path: '/v1/catalog/export',
  tags: ['Plans'],
  summary: 'The price list as it was published last',
  security: access.seller,
  responses: {
    200: json(exportSchema, 'As data and as a plan file.'),
    ...problems('unauthenticated', 'forbidden', 'not_found'),
  },
});

/** The price list as a whole, for the seller. */
export function createCatalogRoutes(deps: { db: { kysely: Reader } }): OpenAPIHono<AppEnv> {
  const db = deps.db.kysely;
  const app = router();
  app.openapi(planRoute, async (c) => {
    const report = await catalogReport(db, judged(c.req.valid('json').price_list));
    return c.json({ object: 'catalog_report' as const, ...report }, 200);
  });
  app.openapi(exportRoute, async (c) => {
    const list = await storedPriceList(db);
    if (list === null) throw new Problem('not_found', 'No price list was published yet.');
    const file = toPlanFile(list);
    const price_list: z.infer<typeof exportSchema>['price_list'] = JSON.parse(JSON.stringify(file));
    return c.json({ object: 'price_list' as const, price_list, source: planFileText(file) }, 200);
  });
  return app;
}
