import { keyPattern } from '@farebox/core';
import { listOf, toList } from '../http/list.ts';
import { actorOf, customerScope, namedCustomer, requireCustomer } from '../http/principal.ts';
import { access, body, createRoute, idParam, json, problems, router } from '../http/router.ts';
import type { Clock } from '../ports.ts';
import { Problem } from '../problem.ts';
import {
  apiKeySchema,
  createKeyBody,
  listKeysQuery,
  newApiKeySchema,
  patternSchema,
  rotateKeyBody,
  updateKeyBody,
  viewOf,
} from './schema.ts';
import type { Keys } from './service.ts';

const listRoute = createRoute({
  method: 'get',
  path: '/v1/keys',
  summary: 'List API keys',
  security: access.anybody,
  request: { query: listKeysQuery },
  responses: {
    200: json(listOf(apiKeySchema), 'The keys of one customer, newest first.'),
    ...problems('unauthenticated', 'not_found'),
  },
});

const createKeyRoute = createRoute({
  method: 'post',
  path: '/v1/keys',
  summary: 'Create an API key',
  security: access.anybody,
  request: { body: body(createKeyBody) },
  responses: {
    201: json(newApiKeySchema, 'The key with its secret, which is not shown again.'),
    ...problems('unauthenticated', 'not_found', 'key_limit_reached', 'too_many_requests'),
  },
});

const readRoute = createRoute({
  method: 'get',
  path: '/v1/keys/{id}',
  summary: 'Read an API key',
  security: access.anybody,
  request: { params: idParam },
  responses: { 200: json(apiKeySchema, 'The key, without its secret.'), ...problems('unauthenticated', 'not_found') },
});

const updateRoute = createRoute({
  method: 'patch',
  path: '/v1/keys/{id}',
  summary: 'Change an API key',
  description: 'What is left out stays. It counts from the next request; counters go on from where they are.',
  security: access.anybody,
  request: { params: idParam, body: body(updateKeyBody) },
  responses: {
    200: json(apiKeySchema, 'The key as it is now.'),
    ...problems('unauthenticated', 'not_found', 'key_revoked', 'key_limit_reached', 'too_many_requests'),
  },
});

const rotateRoute = createRoute({
  method: 'post',
  path: '/v1/keys/{id}/rotate',
  summary: 'Give an API key a new secret',
  description:
    'The key stays the same: its id, scopes, budget and usage. The present secret passes for `grace_seconds` more, and one from an earlier rotation no longer than that.',
  security: access.anybody,
  request: { params: idParam, body: body(rotateKeyBody) },
  responses: {
    200: json(newApiKeySchema, 'The key with its new secret, which is not shown again.'),
    ...problems('unauthenticated', 'forbidden', 'not_found', 'key_revoked'),
  },
});

const revealRoute = createRoute({
  method: 'post',
  path: '/v1/keys/{id}/reveal',
  summary: 'Show the secret that waits, once',
  security: access.customer,
  request: { params: idParam },
  responses: {
    200: json(newApiKeySchema, 'The key with its secret. The second call finds nothing.'),
    ...problems('unauthenticated', 'forbidden', 'not_found'),
  },
});

const patternRoute = createRoute({
  method: 'get',
  path: '/v1/key_pattern',
  summary: 'How to find API keys in a text',
  description: 'For secret scanners: nothing about it is secret.',
  security: access.public,
  responses: { 200: json(patternSchema, 'The pattern, and how a key is told from a look-alike.'), ...problems() },
});

const revokeRoute = createRoute({
  method: 'post',
  path: '/v1/keys/{id}/revoke',
  summary: 'Revoke an API key',
  security: access.anybody,
  request: { params: idParam },
  responses: {
    200: json(apiKeySchema, 'The key, revoked. Asking again answers the same.'),
    ...problems('unauthenticated', 'not_found'),
  },
});

const firstRoute = createRoute({
  method: 'post',
  path: '/v1/keys/first',
  summary: 'Show the first API key, once',
  security: access.customer,
  responses: {
    200: json(newApiKeySchema, 'The key that was made when the subscription began. The second call finds nothing.'),
    ...problems('unauthenticated', 'forbidden', 'not_found'),
  },
});

const checksum =
  'The last six characters are the CRC-32 (as in zip) of everything before them, in base62: digits, capitals, small letters; most significant first.';

export function createKeyRoutes(deps: { keys: Keys; clock: Clock; brand: string }) {
  const { keys, clock, brand } = deps;
  const app = router();

  app.openapi(patternRoute, (c) =>
    c.json({ object: 'key_pattern' as const, brand, pattern: keyPattern(brand), checksum }, 200),
  );

  app.openapi(listRoute, async (c) => {
    const { customer_id, limit, starting_after } = c.req.valid('query');
    const rows = await keys.list({ customer_id: namedCustomer(c, customer_id), limit, after: starting_after });
    return c.json(
      toList(
        rows,
        limit,
        (row) => viewOf(row, clock.now()),
        (row) => row,
      ),
      200,
    );
  });

  app.openapi(createKeyRoute, async (c) => {
    const { customer_id, expires_at, ...input } = c.req.valid('json');
    const { key, secret } = await keys.create(null, {
      ...input,
      customer_id: namedCustomer(c, customer_id),
      expires_at: expires_at === null ? null : Date.parse(expires_at),
      actor: actorOf(c.get('principal')),
      by_member: c.get('principal').type === 'customer',
    });
    return c.json({ ...viewOf(key, clock.now()), secret }, 201);
  });

  app.openapi(readRoute, async (c) => {
    const key = await keys.get(customerScope(c), c.req.valid('param').id);
    return c.json(viewOf(key, clock.now()), 200);
  });

  app.openapi(updateRoute, async (c) => {
    const { expires_at, ...wish } = c.req.valid('json');
    const until = typeof expires_at === 'string' ? Date.parse(expires_at) : expires_at;
    const id = c.req.valid('param').id;
    const key = await keys.update(customerScope(c), id, { ...wish, expires_at: until }, actorOf(c.get('principal')));
    return c.json(viewOf(key, clock.now()), 200);
  });

  app.openapi(rotateRoute, async (c) => {
    const { grace_seconds } = c.req.valid('json');
    const wish = { grace_seconds, actor: actorOf(c.get('principal')) };
    const { key, secret } = await keys.rotate(customerScope(c), c.req.valid('param').id, wish);
    return c.json({ ...viewOf(key, clock.now()), secret }, 200);
  });

  app.openapi(revealRoute, async (c) => {
    const shown = await keys.reveal(requireCustomer(c), c.req.valid('param').id);
    if (shown === null) throw new Problem('not_found', 'There is no secret to show: it was shown, or waited too long.');
    return c.json({ ...viewOf(shown.key, clock.now()), secret: shown.secret }, 200);
  });

  app.openapi(revokeRoute, async (c) => {
    const key = await keys.revoke(customerScope(c), c.req.valid('param').id, actorOf(c.get('principal')));
    return c.json(viewOf(key, clock.now()), 200);
  });

  app.openapi(firstRoute, async (c) => {
    const first = await keys.revealFirst(requireCustomer(c));
    if (first === null) throw new Problem('not_found', 'There is no first key to show.');
    return c.json({ ...viewOf(first.key, clock.now()), secret: first.secret }, 200);
  });

  return app;
}
