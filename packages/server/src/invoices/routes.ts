import type { OpenAPIHono } from '@hono/zod-openapi';
import type { Context } from 'hono';
import type { Database } from '../db/database.ts';
import { customerBody } from '../customers/schema.ts';
import type { Customers } from '../customers/service.ts';
import { expandable, expands, wholeById } from '../http/expand.ts';
import { listOf, listQuery, toList, wholeList } from '../http/list.ts';
import { type AppEnv, customerScope, namedCustomer, requireSellerSide, wisherOf } from '../http/principal.ts';
import { access, body, createRoute, idParam, json, problems, router, z } from '../http/router.ts';
import { invariant } from '../lib/invariant.ts';
import { Problem } from '../problem.ts';
import { subscriptionView } from '../subscriptions/schema.ts';
import { subscriptionsByIds } from '../subscriptions/store.ts';
import {
  creditBody,
  creditNoteSchema,
  creditNoteView,
  explanationSchema,
  explanationView,
  invoiceSchema,
  invoiceView,
  paidSchema,
  refundBody,
  upcomingQuery,
  upcomingSchema,
  upcomingView,
} from './schema.ts';
import type { createExplain } from './explain.ts';
import type { GiveBack, createInvoices } from './service.ts';
import { type InvoiceRow, type LineRow, linesOf, listInvoices } from './store.ts';

const expansions = expandable('customer', 'subscription');
type Expands = Parameters<typeof expands<'customer' | 'subscription'>>[0];

const listRoute = createRoute({
  method: 'get',
  path: '/v1/invoices',
  summary: 'Invoices with their lines',
  security: access.anybody,
  request: { query: listQuery.extend({ customer_id: z.string().max(64).optional(), ...expansions }) },
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
  request: { params: idParam, query: z.strictObject(expansions) },
  responses: { 200: json(invoiceSchema, 'The invoice.'), ...problems('unauthenticated', 'not_found') },
});

const explainRoute = createRoute({
  method: 'get',
  path: '/v1/invoices/{id}/lines/{line_id}/explain',
  summary: 'How the amount of a line comes about',
  security: access.anybody,
  request: { params: idParam.extend({ line_id: z.string().min(1).max(64) }) },
  responses: {
    200: json(explanationSchema, 'Step by step, down to the keys and endpoints that used what is billed.'),
    ...problems('unauthenticated', 'not_found'),
  },
});

const pdfRoute = createRoute({
  method: 'get',
  path: '/v1/invoices/{id}/pdf',
  summary: "To the invoice's PDF at Stripe",
  security: access.anybody,
  request: { params: idParam },
  responses: { 302: { description: 'The PDF is there.' }, ...problems('unauthenticated', 'not_found') },
});

const params = { params: idParam };
const common = { security: access.anybody };

const upcomingRoute = createRoute({
  ...common,
  method: 'get',
  path: '/v1/invoices/upcoming',
  summary: 'The next invoice as it stands now, with the usage of this period',
  request: { query: upcomingQuery },
  responses: {
    200: json(upcomingSchema, 'What will be billed if nothing more is used.'),
    ...problems(
      'unauthenticated',
      'not_found',
      'subscription_required',
      'ambiguous_subscription',
      'no_upcoming_invoice',
      'stripe_unavailable',
    ),
  },
});

const retryRoute = createRoute({
  ...common,
  method: 'post',
  path: '/v1/invoices/{id}/retry',
  summary: 'Try to collect an open invoice now',
  request: { ...params, body: { ...body(z.object({})), required: false } },
  responses: {
    200: json(paidSchema, 'Paid, or where the bank asks.'),
    ...problems(
      'unauthenticated',
      'not_found',
      'invoice_not_open',
      'payment_failed',
      'stripe_refused',
      'stripe_unavailable',
    ),
  },
});

const refusals = problems(
  'unauthenticated',
  'forbidden',
  'not_found',
  'invoice_not_paid',
  'invoice_not_open',
  'amount_too_large',
  'stripe_refused',
  'stripe_unavailable',
);

const refundRoute = createRoute({
  ...common,
  method: 'post',
  path: '/v1/invoices/{id}/refund',
  summary: 'Give back what was paid, all of it or a part',
  description: 'By a credit note: to the card, or to the balance that the next invoices use up.',
  request: { ...params, body: body(refundBody) },
  responses: { 200: json(creditNoteSchema, 'The credit note.'), ...refusals },
});

const creditRoute = createRoute({
  ...common,
  method: 'post',
  path: '/v1/invoices/{id}/credit_notes',
  summary: 'Let less be owed on an open invoice',
  request: { ...params, body: body(creditBody) },
  responses: { 200: json(creditNoteSchema, 'The credit note.'), ...refusals },
});

const notesRoute = createRoute({
  ...common,
  method: 'get',
  path: '/v1/invoices/{id}/credit_notes',
  summary: 'What was given back of an invoice',
  request: params,
  responses: {
    200: json(listOf(creditNoteSchema), 'All of them, newest first.'),
    ...problems('unauthenticated', 'not_found', 'stripe_unavailable'),
  },
});

/** Invoices, what can be done about them, and the one to come. */
export function createInvoiceRoutes(deps: {
  db: Database;
  invoices: ReturnType<typeof createInvoices>;
  explain: ReturnType<typeof createExplain>;
  /** Of lines that bill packages, how many units one has, by the line's id. */
  packageSizes(lines: readonly LineRow[]): Promise<Map<string, number>>;
  customersByIds: Customers['byIds'];
}): OpenAPIHono<AppEnv> {
  const { db, invoices } = deps;
  const app = router();
  app.openapi(listRoute, async (c) => {
    const { limit, starting_after, customer_id } = c.req.valid('query');
    const rows = await listInvoices(db.kysely, {
      customer_id: customerScope(c, customer_id),
      limit: limit + 1,
      after: starting_after ?? null,
    });
    const list = toList(
      rows,
      limit,
      (row) => row,
      (row) => row,
    );
    return c.json({ ...list, data: await views(list.data, c.req.valid('query')) }, 200);
  });
  app.openapi(upcomingRoute, async (c) => {
    const { customer_id, group } = c.req.valid('query');
    const customerId = namedCustomer(c, customer_id);
    return c.json(upcomingView(await invoices.upcoming(customerId, group)), 200);
  });
  app.openapi(readRoute, async (c) => {
    return c.json(await view(customerScope(c), c.req.valid('param').id, c.req.valid('query')), 200);
  });
  app.openapi(explainRoute, async (c) => {
    const { id, line_id } = c.req.valid('param');
    const invoice = await invoices.find(customerScope(c), id);
    return c.json(explanationView(await deps.explain(invoice, line_id)), 200);
  });
  app.openapi(pdfRoute, async (c) => {
    const row = await invoices.find(customerScope(c), c.req.valid('param').id);
    if (row.pdf_url === null)
      throw new Problem('not_found', 'This invoice has no PDF yet: it gets one when Stripe finalizes it.');
    return c.redirect(row.pdf_url, 302);
  });
  app.openapi(retryRoute, async (c) => {
    const wisher = wisherOf(c);
    const { id } = c.req.valid('param');
    const collected = await invoices.retry(wisher, id);
    const payment = collected.state === 'done' ? null : collected;
    return c.json({ object: 'invoice_payment' as const, payment, invoice: await view(wisher.customer_id, id) }, 200);
  });
  app.openapi(refundRoute, async (c) => {
    requireSellerSide(c);
    const { to, amount_minor, reason = null, memo = null } = c.req.valid('json');
    return c.json(await given(c, c.req.valid('param').id, { to, amount_minor, reason, memo }), 200);
  });
  app.openapi(creditRoute, async (c) => {
    requireSellerSide(c);
    const { amount_minor, reason = null, memo = null } = c.req.valid('json');
    return c.json(await given(c, c.req.valid('param').id, { to: 'invoice', amount_minor, reason, memo }), 200);
  });
  app.openapi(notesRoute, async (c) => {
    const { id } = c.req.valid('param');
    const notes = await invoices.creditNotes(customerScope(c), id);
    return c.json(wholeList(notes.map((note) => creditNoteView(note, id))), 200);
  });
  return app;

  async function view(customerId: string | null, id: string, query: Expands = {}) {
    const [shown] = await views([await invoices.find(customerId, id)], query);
    invariant(shown !== undefined, 'one row has one view');
    return shown;
  }

  /** Rows as they are shown, with what was asked for beside its id. */
  async function views(rows: readonly InvoiceRow[], query: Expands) {
    const lines = await linesOf(
      db.kysely,
      rows.map((row) => row.id),
    );
    const sizes = await deps.packageSizes(lines);
    const owners = rows.map((row) => row.customer_id);
    const customers = await wholeById(expands(query, 'customer'), owners, deps.customersByIds, customerBody);
    const ids = rows.map((row) => row.subscription_id);
    const byIds = (wanted: readonly string[]) => subscriptionsByIds(db.kysely, wanted);
    const subscriptions = await wholeById(expands(query, 'subscription'), ids, byIds, subscriptionView);
    return rows.map((row) => ({
      ...invoiceView(row, lines, sizes),
      customer: customers.get(row.customer_id),
      subscription: subscriptions.get(row.subscription_id ?? ''),
    }));
  }

  async function given(c: Context<AppEnv>, id: string, wish: GiveBack) {
    const made = await invoices.giveBack(wisherOf(c), id, wish);
    const notes = await invoices.creditNotes(null, id);
    const note = notes.find(({ stripe_credit_note_id }) => stripe_credit_note_id === made);
    if (note === undefined)
      throw new Problem(
        'stripe_unavailable',
        'The credit note was made and cannot be read just now; do not repeat it.',
      );
    return creditNoteView(note, id);
  }
}
