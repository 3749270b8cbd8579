import type { OpenAPIHono } from '@hono/zod-openapi';
import type { AppEnv } from '../../http/principal.ts';
import { invalidRequest } from '../../http/body.ts';
import { access, createRoute, json, problems, router, z } from '../../http/router.ts';
import { sha256 } from '../../lib/secret.ts';
import { type ReportKey, isSigned } from '../../lib/signed-report.ts';
import { Problem } from '../../problem.ts';
import { reportSchema, verdictsSchema } from './schema.ts';
import type { Leaks } from './service.ts';

const keyHeader = 'github-public-key-identifier';
const signatureHeader = 'github-public-key-signature';

const leaksRoute = createRoute({
  method: 'post',
  path: '/v1/keys/leaks',
  summary: 'Report keys that were found in public',
  description:
    'GitHub’s secret-scanning form: the body is signed (ECDSA P-256, SHA-256) with a key of FAREBOX_LEAK_KEYS. A report is acted on once.',
  security: access.public,
  request: {
    headers: z.object({ [keyHeader]: z.string(), [signatureHeader]: z.string() }),
    body: { required: true, content: { 'application/json': { schema: reportSchema } } },
  },
  responses: {
    200: json(verdictsSchema, 'Which of the texts are keys of this installation.'),
    ...problems('invalid_signature', 'invalid_json', 'not_found', 'leak_report_replayed', 'body_too_large'),
  },
});

/** Declared for the document and read by hand: the signature is over the bytes as they came. */
export function createLeakRoutes(deps: { leaks: Leaks; keys: readonly ReportKey[] }): OpenAPIHono<AppEnv> {
  const app = router();
  app.openAPIRegistry.registerPath(leaksRoute);
  app.post(leaksRoute.path, async (c) => {
    if (deps.keys.length === 0)
      throw new Problem('not_found', 'No reports are taken here: FAREBOX_LEAK_KEYS is not set.');
    const bytes = Buffer.from(await c.req.arrayBuffer());
    const signed = { bytes, key_id: c.req.header(keyHeader), signature: c.req.header(signatureHeader) };
    if (!isSigned(deps.keys, signed))
      throw new Problem('invalid_signature', 'This is not signed with a key that is known here.');
    const found = parse(bytes);
    const verdicts = await deps.leaks.report(sha256(bytes), found);
    const answer: z.infer<typeof verdictsSchema> = verdicts.map(({ token, isOurs }, index) => ({
      token_hash: sha256(token).toString('base64'),
      token_type: found[index]?.type ?? '',
      label: isOurs ? 'true_positive' : 'false_positive',
    }));
    return c.json(answer, 200);
  });
  return app;
}

function parse(bytes: Buffer): z.infer<typeof reportSchema> {
  let body: unknown;
  try {
    body = JSON.parse(bytes.toString('utf8'));
  } catch {
    throw new Problem('invalid_json', 'The body is not valid JSON.');
  }
  const report = reportSchema.safeParse(body);
  if (!report.success) throw invalidRequest(report.error);
  return report.data;
}
