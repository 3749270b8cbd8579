import { listOf, listQuery, toList } from '../http/list.ts';
import { actorOf, customerScope, requireSeller, requireSellerSide } from '../http/principal.ts';
import { access, body, createRoute, idParam, json, problems, router, z } from '../http/router.ts';
import { Problem } from '../problem.ts';
import { createCustomerBody, customerBody, customerSchema, updateCustomerBody, deletedSchema } from './schema.ts';
import type { Customers } from './service.ts';

const list = createRoute({
  method: 'get',
  path: '/v1/customers',
  tags: ['Customers'],
  summary: 'List customers',
  security: access.anybody,
  request: { query: listQuery.extend({ query: z.string().trim().min(1).max(200).optional() }) },
  responses: {
    200: json(listOf(customerSchema), 'A page of customers, newest first.'),
    ...problems('unauthenticated', 'forbidden'),
  },
});

const create = createRoute({
  method: 'post',
  path: '/v1/customers',
  tags: ['Customers'],
  summary: 'Create a customer, or rename the one with this external_id',
  security: access.seller,
  request: { body: body(createCustomerBody) },
  responses: {
    200: json(customerSchema, 'The customer that was there already.'),
    201: json(customerSchema, 'The new customer.'),
    ...problems('unauthenticated', 'forbidden'),
  },
});

const read = createRoute({
  method: 'get',
  path: '/v1/customers/{id}',
  tags: ['Customers'],
  summary: 'Read a customer',
  security: access.anybody,
  request: { params: idParam },
  responses: { 200: json(customerSchema, 'The customer.'), ...problems('unauthenticated', 'not_found') },
});

const update = createRoute({
  method: 'patch',
  path: '/v1/customers/{id}',
  tags: ['Customers'],
  summary: 'Change a name or an address',
  security: access.anybody,
  request: { params: idParam, body: body(updateCustomerBody) },
  responses: {
    200: json(customerSchema, 'The customer as it is now.'),
    ...problems('unauthenticated', 'forbidden', 'not_found'),
  },
});

const remove = createRoute({
  method: 'delete',
  path: '/v1/customers/{id}',
  tags: ['Customers'],
  summary: 'Delete a customer',
  description:
    'Its keys stop, its people are signed out, its `external_id` is free again. What was billed stays, here and at Stripe. A customer who still has a subscription, a checkout or an invoice to pay is not deleted.',
  security: access.seller,
  request: { params: idParam },
  responses: {
    200: json(deletedSchema, 'It is gone.'),
    ...problems('unauthenticated', 'forbidden', 'not_found', 'customer_in_use'),
  },
});

export function createCustomerRoutes(deps: {
  customers: Customers;
  removeCustomer(actor: string, id: string): Promise<void>;
}) {
  const { customers } = deps;
  const app = router();

  app.openapi(list, async (c) => {
    requireSellerSide(c);
    const { limit, starting_after, query } = c.req.valid('query');
    const rows = await customers.list({ limit, after: starting_after ?? null, query: query ?? null });
    return c.json(
      toList(rows, limit, customerBody, (row) => row),
      200,
    );
  });

  app.openapi(create, async (c) => {
    requireSeller(c);
    const { customer, created } = await customers.upsert(c.req.valid('json'));
    return c.json(customerBody(customer), created ? 201 : 200);
  });

  app.openapi(read, async (c) => {
    const { id } = c.req.valid('param');
    const scope = customerScope(c);
    // Somebody else's customer answers exactly as one that is not there.
    if (scope !== null && scope !== id) throw new Problem('not_found', 'There is no such customer.');
    return c.json(customerBody(await customers.get(id)), 200);
  });

  app.openapi(update, async (c) => {
    requireSellerSide(c);
    const { name, email, time_zone } = c.req.valid('json');
    const change = {
      ...(name === undefined ? {} : { name }),
      ...(email === undefined ? {} : { email }),
      ...(time_zone === undefined ? {} : { time_zone }),
    };
    return c.json(customerBody(await customers.update(c.req.valid('param').id, change)), 200);
  });

  app.openapi(remove, async (c) => {
    const { id } = c.req.valid('param');
    await deps.removeCustomer(actorOf(requireSellerSide(c)), id);
    return c.json({ object: 'customer' as const, id, deleted: true as const }, 200);
  });

  return app;
}
