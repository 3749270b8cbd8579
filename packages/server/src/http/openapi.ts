import type { OpenAPIHono } from '@hono/zod-openapi';
import type { AppEnv } from './principal.ts';
import { router } from './router.ts';

/** The OpenAPI 3.1 document of these routes, from their own schemas. */
export function createDocument(apps: readonly OpenAPIHono<AppEnv>[], info: { version: string; server_url: string }) {
  const all = router();
  all.openAPIRegistry.registerComponent('securitySchemes', 'secret_key', {
    type: 'http',
    scheme: 'bearer',
    description: 'A secret key of the seller: `Authorization: Bearer fbx_sk_…`.',
  });
  all.openAPIRegistry.registerComponent('securitySchemes', 'session', {
    type: 'apiKey',
    in: 'cookie',
    name: 'farebox.session_token',
    description: 'The session of a signed-in customer or operator.',
  });
  for (const app of apps) all.route('/', app);
  return all.getOpenAPI31Document({
    openapi: '3.1.0',
    info: {
      title: 'Farebox',
      version: info.version,
      description: 'Keys, limits, usage, subscriptions and invoices of an API, on top of Stripe.',
    },
    servers: [{ url: info.server_url }],
  });
}
