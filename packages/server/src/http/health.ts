import { access, createRoute, json, router, z } from './router.ts';

const healthSchema = z.object({ status: z.literal('ok') });
const readySchema = z.object({ status: z.literal('ready') });
const unreadySchema = z.object({ status: z.literal('not ready'), reason: z.string() });

const program = { tags: ['Program'], security: access.public };

const healthRoute = createRoute({
  ...program,
  method: 'get',
  path: '/healthz',
  summary: 'Whether the program runs',
  responses: { 200: json(healthSchema, 'It does.') },
});

const readyRoute = createRoute({
  ...program,
  method: 'get',
  path: '/readyz',
  summary: 'Whether the program can do its work now',
  responses: { 200: json(readySchema, 'It can.'), 503: json(unreadySchema, 'It cannot, and why.') },
});

/** For load balancers and supervisors. `unready` answers null while everything needed answers, otherwise what does not. */
export function createHealthRoutes(deps: { unready(): Promise<string | null> }) {
  const app = router();
  app.openapi(healthRoute, (c) => c.json({ status: 'ok' as const }, 200));
  app.openapi(readyRoute, async (c) => {
    const reason = await deps.unready();
    if (reason === null) return c.json({ status: 'ready' as const }, 200);
    return c.json({ status: 'not ready' as const, reason }, 503);
  });
  return app;
}
