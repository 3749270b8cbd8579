import { listOf, toList } from '../../http/list.ts';
import { namedCustomer } from '../../http/principal.ts';
import { access, body, createRoute, idParam, json, problems, router } from '../../http/router.ts';
import {
  listReservationsQuery,
  reservationSchema,
  reservationView,
  reserveBody,
  settleBody,
  wishOf,
} from './schema.ts';
import type { Reservations } from './service.ts';

const tags = ['Credits'];
const refusals = ['unauthenticated', 'forbidden', 'not_found'] as const;

const reserveRoute = createRoute({
  tags,
  method: 'post',
  path: '/v1/gate/reserve',
  summary: 'Hold credit before work begins',
  description:
    'For work whose cost is known at its end: a run of a model, a render, an export. What is held is taken from what is left at once, by everybody’s account, and never more than there is.',
  security: access.seller,
  request: { body: body(reserveBody) },
  responses: { 201: json(reservationSchema, 'Held.'), ...problems(...refusals, 'credit_insufficient') },
});

const settleRoute = createRoute({
  tags,
  method: 'post',
  path: '/v1/gate/reservations/{id}/settle',
  summary: 'End a reservation with what was really used',
  description:
    'Less than was held gives the rest back; more is paid as far as credit is left, and `short_minor` says what is not. The same again answers the same. One that ran out is paid from what is there now.',
  security: access.seller,
  request: { params: idParam, body: body(settleBody) },
  responses: { 200: json(reservationSchema, 'Settled.'), ...problems(...refusals, 'reservation_settled') },
});

const readRoute = createRoute({
  tags,
  method: 'get',
  path: '/v1/gate/reservations/{id}',
  summary: 'A reservation',
  security: access.seller,
  request: { params: idParam },
  responses: { 200: json(reservationSchema, 'As of now.'), ...problems(...refusals) },
});

const listRoute = createRoute({
  tags,
  method: 'get',
  path: '/v1/customers/{id}/reservations',
  summary: "A customer's reservations",
  security: access.anybody,
  request: { params: idParam, query: listReservationsQuery },
  responses: {
    200: json(listOf(reservationSchema), 'The newest first.'),
    ...problems('unauthenticated', 'not_found'),
  },
});

/** Credit held for work, for the seller's program; the customer sees what is held. */
export function createReservationRoutes({ reservations }: { reservations: Reservations }) {
  const app = router();
  app.openapi(reserveRoute, async (c) => {
    return c.json(reservationView(await reservations.reserve(wishOf(c.req.valid('json')))), 201);
  });
  app.openapi(settleRoute, async (c) => {
    const { amount_minor } = c.req.valid('json');
    return c.json(reservationView(await reservations.settle(c.req.valid('param').id, amount_minor)), 200);
  });
  app.openapi(readRoute, async (c) => {
    return c.json(reservationView(await reservations.read(c.req.valid('param').id)), 200);
  });
  app.openapi(listRoute, async (c) => {
    const { limit, starting_after = null, state = null } = c.req.valid('query');
    const customer = namedCustomer(c, c.req.valid('param').id);
    const rows = await reservations.list(customer, { state, limit: limit + 1, after: starting_after });
    return c.json(
      toList(rows, limit, reservationView, (row) => row),
      200,
    );
  });
  return app;
}
