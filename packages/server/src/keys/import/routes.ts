import { actorOf } from '../../http/principal.ts';
import { access, body, createRoute, json, problems, router } from '../../http/router.ts';
import { foreignKeyOf, importBody, importResultSchema, progressSchema } from './schema.ts';
import type { Imported, KeyImport } from './service.ts';

const importRoute = createRoute({
  method: 'post',
  path: '/v1/keys/import',
  summary: 'Take over API keys of another system by their hash',
  description:
    'Your customers go on with the keys they have. What is there already is left as it is: send a file again.',
  security: access.seller,
  request: { body: body(importBody) },
  responses: {
    200: json(importResultSchema, 'What became of each key.'),
    ...problems('unauthenticated', 'forbidden', 'body_too_large'),
  },
});

const progressRoute = createRoute({
  method: 'get',
  path: '/v1/key_import',
  summary: 'How many of the keys that were taken over are in use here',
  security: access.seller,
  responses: { 200: json(progressSchema, 'The counts.'), ...problems('unauthenticated', 'forbidden') },
});

export function createKeyImportRoutes(deps: { keyImport: KeyImport }) {
  const app = router();
  app.openapi(importRoute, async (c) => {
    const { keys } = c.req.valid('json');
    const results = await deps.keyImport.importKeys(keys.map(foreignKeyOf), actorOf(c.get('principal')));
    const count = (status: Imported['status']) => results.filter((one) => one.status === status).length;
    return c.json(
      {
        object: 'key_import' as const,
        imported: count('imported'),
        existing: count('existing'),
        rejected: count('rejected'),
        results: results.map((one) => ({ param: null, detail: null, ...one })),
      },
      200,
    );
  });
  app.openapi(progressRoute, async (c) =>
    c.json({ object: 'key_import_progress' as const, ...(await deps.keyImport.progress()) }, 200),
  );
  return app;
}
