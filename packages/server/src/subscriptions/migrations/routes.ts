import { listOf, listQuery, toList } from '../../http/list.ts';
import { wisherOf } from '../../http/principal.ts';
import { access, body, createRoute, idParam, json, problems, router } from '../../http/router.ts';
import {
  migrationBody,
  migrationParams,
  migrationPreviewSchema,
  migrationSchema,
  migrationView,
  moveSchema,
  moveView,
  movesQuery,
  previewView,
} from './schema.ts';
import type { Migrations } from './service.ts';

const ofPlan = '/v1/plans/{id}/migrations';
const one = `${ofPlan}/{migration_id}`;
const common = { tags: ['Plans'], security: access.seller };
const wish = { params: idParam, body: body(migrationBody) };
const name = { params: migrationParams };
const refusals = ['unauthenticated', 'forbidden', 'plan_not_found'] as const;

const previewRoute = createRoute({
  ...common,
  method: 'post',
  path: `${ofPlan}/preview`,
  summary: 'Whom a migration would move, and what it would do to recurring revenue; nothing happens',
  request: wish,
  responses: { 200: json(migrationPreviewSchema, 'What it would do with everybody.'), ...problems(...refusals) },
});

const startRoute = createRoute({
  ...common,
  method: 'post',
  path: ofPlan,
  summary: 'Move subscribers to another version of their plan',
  description:
    'Jobs carry it out, some subscribers a second. Who cannot be moved stays on the old version, says why, and can be tried again.',
  request: wish,
  responses: {
    201: json(migrationSchema, 'It has begun.'),
    ...problems(...refusals, 'plan_not_pushed', 'no_change', 'migration_running'),
  },
});

const listRoute = createRoute({
  ...common,
  method: 'get',
  path: ofPlan,
  summary: 'The migrations of a plan',
  request: { params: idParam, query: listQuery },
  responses: { 200: json(listOf(migrationSchema), 'The newest first.'), ...problems(...refusals) },
});

const readRoute = createRoute({
  ...common,
  method: 'get',
  path: one,
  summary: 'How far a migration is',
  request: name,
  responses: { 200: json(migrationSchema, 'The migration.'), ...problems(...refusals, 'not_found') },
});

const movesRoute = createRoute({
  ...common,
  method: 'get',
  path: `${one}/customers`,
  summary: 'What became of each subscriber of a migration',
  request: { ...name, query: movesQuery },
  responses: { 200: json(listOf(moveSchema), 'One a subscriber.'), ...problems(...refusals, 'not_found') },
});

const cancelRoute = createRoute({
  ...common,
  method: 'post',
  path: `${one}/cancel`,
  summary: 'Move nobody else',
  description: 'Who was moved stays moved; what is arranged for the end of a period stays arranged.',
  request: name,
  responses: { 200: json(migrationSchema, 'The migration.'), ...problems(...refusals, 'not_found', 'no_change') },
});

const retryRoute = createRoute({
  ...common,
  method: 'post',
  path: `${one}/retry`,
  summary: 'Try again with everybody who failed, and go on with who is left',
  request: name,
  responses: {
    200: json(migrationSchema, 'The migration runs.'),
    ...problems(...refusals, 'not_found', 'no_change', 'migration_running'),
  },
});

/** Migrations between the versions of a plan, for the seller. */
export function createMigrationRoutes({ migrations }: { migrations: Migrations }) {
  const app = router();
  app.openapi(previewRoute, async (c) => {
    const preview = await migrations.preview(c.req.valid('param').id, c.req.valid('json'));
    return c.json(previewView(preview), 200);
  });
  app.openapi(startRoute, async (c) => {
    const { actor } = wisherOf(c);
    return c.json(migrationView(await migrations.start(actor, c.req.valid('param').id, c.req.valid('json'))), 201);
  });
  app.openapi(listRoute, async (c) => {
    const { limit, starting_after } = c.req.valid('query');
    const page = { limit: limit + 1, after: starting_after ?? null };
    const rows = await migrations.list(c.req.valid('param').id, page);
    return c.json(
      toList(rows, limit, migrationView, (row) => row),
      200,
    );
  });
  app.openapi(readRoute, async (c) => {
    const { id, migration_id } = c.req.valid('param');
    return c.json(migrationView(await migrations.progress(id, migration_id)), 200);
  });
  app.openapi(movesRoute, async (c) => {
    const { id, migration_id } = c.req.valid('param');
    const { limit, starting_after, state = null } = c.req.valid('query');
    const page = { state, limit: limit + 1, after: starting_after?.id ?? null };
    const { migration, rows } = await migrations.moves(id, migration_id, page);
    return c.json(
      toList(rows, limit, moveView, (row) => ({ created_at: migration.created_at, id: row.subscription_id })),
      200,
    );
  });
  app.openapi(cancelRoute, async (c) => {
    const { id, migration_id } = c.req.valid('param');
    return c.json(migrationView(await migrations.cancel(wisherOf(c).actor, id, migration_id)), 200);
  });
  app.openapi(retryRoute, async (c) => {
    const { id, migration_id } = c.req.valid('param');
    return c.json(migrationView(await migrations.retry(wisherOf(c).actor, id, migration_id)), 200);
  });
  return app;
}
