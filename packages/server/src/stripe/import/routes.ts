import type { Database } from '../../db/database.ts';
import { toList } from '../../http/list.ts';
import { requireOperator, wisherOf } from '../../http/principal.ts';
import { router } from '../../http/router.ts';
import { Problem } from '../../problem.ts';
import {
  importItemsRoute,
  importRoute,
  importView,
  itemView,
  listImportsRoute,
  proposalRoute,
  proposalView,
  startImportRoute,
} from './schema.ts';
import type { StripeImport } from './service.ts';
import { type ImportRow, countItems, listImports, listItems } from './store.ts';

/** Taking over what a seller has at Stripe already, for its operators. */
export function createImportRoutes(deps: { db: Database; stripeImport: StripeImport }) {
  const { db, stripeImport } = deps;
  const app = router();
  app.openapi(proposalRoute, async (c) => {
    requireOperator(c);
    const proposal = await stripeImport.propose();
    return c.json(proposalView(proposal, stripeImport.sourceOf(proposal)), 200);
  });
  app.openapi(startImportRoute, async (c) => {
    requireOperator(c);
    const id = await stripeImport.start({ ...c.req.valid('json'), actor: wisherOf(c).actor }, 'job');
    return c.json(await view(await find(id)), 202);
  });
  app.openapi(listImportsRoute, async (c) => {
    requireOperator(c);
    const { limit, starting_after = null } = c.req.valid('query');
    const found = await listImports(db.kysely, { limit: limit + 1, after: starting_after });
    const counts = new Map<string, Awaited<ReturnType<typeof countItems>>>();
    for (const row of found) counts.set(row.id, await countItems(db.kysely, row.id));
    const shown = (row: ImportRow) => importView(row, counts.get(row.id) ?? { customers: {}, subscriptions: {} });
    return c.json(
      toList(found, limit, shown, (row) => row),
      200,
    );
  });
  app.openapi(importRoute, async (c) => {
    requireOperator(c);
    return c.json(await view(await find(c.req.valid('param').id)), 200);
  });
  app.openapi(importItemsRoute, async (c) => {
    requireOperator(c);
    const { id: import_id } = await find(c.req.valid('param').id);
    const { limit, starting_after = null, outcome = null } = c.req.valid('query');
    const found = await listItems(db.kysely, { import_id, outcome, limit: limit + 1, after: starting_after });
    return c.json(
      toList(found, limit, itemView, (item) => ({ created_at: item.created_at, id: item.object_id })),
      200,
    );
  });
  return app;

  async function find(id: string): Promise<ImportRow> {
    const row = await stripeImport.find(id);
    if (row === null) throw new Problem('not_found', 'There is no such import.');
    return row;
  }

  async function view(row: ImportRow) {
    return importView(row, await countItems(db.kysely, row.id));
  }
}
