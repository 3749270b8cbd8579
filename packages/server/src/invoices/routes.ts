import type { OpenAPIHono } from '@hono/zod-openapi';
import type { Database } from '../db/database.ts';
import { listOf, listQuery, toList } from '../http/list.ts';
import { type AppEnv, customerScope } from '../http/principal.ts';
import { access, createRoute, idParam, json, problems, router, z } from '../http/router.ts';
import { Problem } from '../problem.ts';
import { invoiceSchema, invoiceView } from './schema.ts';
import { type InvoiceRow, invoiceById, linesOf, listInvoices } from './store.ts';

const listRoute = createRoute({
  method: 'get',
  path: '/v1/invoices',
  summary: 'Invoices with their lines',
  security: access.anybody,
  request: { query: listQuery.extend({ customer_id: z.string().max(64).optional() }) },
  responses: {
    200: json(listOf(invoiceSchema), 'Newest first; a customer sees its own.'),
    ...problems('unauthenticated', 'not_found'),
  },
});

const readRoute = createRoute({
  method: 'get',
  path: '/v1/invoices/{id}',
  summary: 'One invoice',
  security: access.anybody,
  request: { params: idParam },
  responses: { 200: json(invoiceSchema, 'The invoice.'), ...problems('unauthenticated', 'not_found') },
});

const pdfRoute = createRoute({
  method: 'get',
  path: '/v1/invoices/{id}/pdf',
  summary: "To the invoice's PDF at Stripe",
  security: access.anybody,
  request: { params: idParam },
  responses: { 302: { description: 'The PDF is there.' }, ...problems('unauthenticated', 'not_found') },
});

export function createInvoiceRoutes(deps: { db: Database }): OpenAPIHono<AppEnv> {
  const { db } = deps;
  const app = router();
  app.openapi(listRoute, async (c) => {
    const { limit, starting_after, customer_id } = c.req.valid('query');
    const rows = await listInvoices(db.kysely, {
      customer_id: customerScope(c, customer_id),
      limit: limit + 1,
      after: starting_after ?? null,
    });
    const lines = await linesOf(
      db.kysely,
      rows.map((row) => row.id),
    );
    return c.json(
      toList(
        rows,
        limit,
        (row) => invoiceView(row, lines),
        (row) => row,
      ),
      200,
    );
  });
  app.openapi(readRoute, async (c) => {
    const row = await find(customerScope(c), c.req.valid('param').id);
    return c.json(invoiceView(row, await linesOf(db.kysely, [row.id])), 200);
  });
  app.openapi(pdfRoute, async (c) => {
    const row = await find(customerScope(c), c.req.valid('param').id);
    if (row.pdf_url === null)
      throw new Problem('not_found', 'This invoice has no PDF yet: it gets one when Stripe finalizes it.');
    return c.redirect(row.pdf_url, 302);
  });
  return app;

  /** A foreign invoice answers as one that does not exist. */
  async function find(customerId: string | null, id: string): Promise<InvoiceRow> {
    const row = await invoiceById(db.kysely, id);
    if (row === null || (customerId !== null && row.customer_id !== customerId))
      throw new Problem('not_found', 'There is no such invoice.');
    return row;
  }
}
