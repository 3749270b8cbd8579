import { expect, test } from 'vitest';
import { createErrorAnswer } from './answer.ts';
import { createLog } from '../lib/log.ts';
import { body, createRoute, json, problems, router, z } from './router.ts';

test('a body refuses fields its schema does not name, whether or not the schema says so', async () => {
  const app = router();
  app.onError(createErrorAnswer(createLog('silent')));
  const route = createRoute({
    method: 'post',
    path: '/x',
    request: { body: body(z.object({ a: z.int() })) },
    responses: { 200: json(z.object({ a: z.int() }), 'It.'), ...problems() },
  });
  app.openapi(route, (c) => c.json({ a: c.req.valid('json').a }, 200));
  const post = async (text: string) =>
    await app.request('/x', { method: 'POST', body: text, headers: { 'content-type': 'application/json' } });
  expect((await post('{"a":1}')).status).toBe(200);
  expect(await (await post('{"a":1,"b":2}')).json()).toMatchObject({ status: 400, param: 'b' });
});
