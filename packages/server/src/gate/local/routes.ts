import type { Ask } from '@farebox/core';
import { invalidRequest } from '../../http/body.ts';
import { requireSeller } from '../../http/principal.ts';
import { access, createRoute, json, problems, router, z } from '../../http/router.ts';
import { Problem } from '../../problem.ts';
import type { Changes } from '../changes.ts';
import {
  blocksBody,
  blocksSchema,
  entriesBody,
  entriesSchema,
  returnBody,
  returnedSchema,
  usageBody,
  usageSchema,
} from './schema.ts';
import type { Blocks, LocalGate } from './service.ts';

const asked = (schema: z.ZodType) => ({ body: { required: true, content: { 'application/json': { schema } } } });
const refusals = problems('unauthenticated', 'forbidden', 'invalid_json', 'unsupported_media_type');

const changesRoute = createRoute({
  method: 'get',
  path: '/v1/gate/changes',
  summary: 'Hear of every change of a key, a subscription or a plan',
  description:
    'For who keeps entries (@farebox/sdk in local mode). One line each: `hello`, `changed`, and at least twice a second `beat`. Who has not heard a beat for a second knows nothing.',
  security: access.seller,
  responses: {
    200: { description: 'Lines of JSON, as they happen.', content: { 'application/x-ndjson': { schema: z.string() } } },
    ...problems('unauthenticated', 'forbidden', 'too_many_requests'),
  },
});

const entriesRoute = createRoute({
  method: 'post',
  path: '/v1/gate/entries',
  summary: 'What decisions about keys need, to keep',
  security: access.seller,
  request: asked(entriesBody),
  responses: { 200: json(entriesSchema, 'The entries.'), ...refusals },
});

const blocksRoute = createRoute({
  method: 'post',
  path: '/v1/gate/blocks',
  summary: 'Take blocks of units from the limits of requests, to spend without asking',
  description:
    'A block of a window may be spent until the slot it counts in is over, at most 20 seconds; one of a quota for ten at most. What is not spent is given back. Never sent again: a call whose answer was lost may have carved.',
  security: access.seller,
  request: asked(blocksBody),
  responses: { 200: json(blocksSchema, 'What was carved.'), ...refusals },
});

const returnRoute = createRoute({
  method: 'post',
  path: '/v1/gate/blocks/return',
  summary: 'Give units back that were not spent',
  description: 'Never sent again: a call whose answer was lost may have given back.',
  security: access.seller,
  request: asked(returnBody),
  responses: { 200: json(returnedSchema, 'Given back, where they still count.'), ...refusals },
});

const usageRoute = createRoute({
  method: 'post',
  path: '/v1/gate/usage',
  summary: 'Usage of requests that were let through elsewhere, in a batch',
  description: 'Answered when it is committed. A batch that comes again under its id counts once.',
  security: access.seller,
  request: asked(usageBody),
  responses: { 200: json(usageSchema, 'Stored.'), ...refusals, ...problems('database_unavailable') },
});

/** Read by hand, as those of the gate: nothing of them may be answered twice from an `Idempotency-Key`. */
export function createLocalRoutes(deps: { local: LocalGate; changes: Changes }) {
  const { local, changes } = deps;
  const app = router();
  for (const route of [changesRoute, entriesRoute, blocksRoute, returnRoute, usageRoute])
    app.openAPIRegistry.registerPath(route);

  app.get(changesRoute.path, (c) => {
    requireSeller(c);
    const { counter_id, settings } = local;
    const stream = changes.open({ type: 'hello', protocol: 1, counter: counter_id, settings: settings() });
    if (stream === null) throw new Problem('too_many_requests', 'Too many listen already. Try again in a moment.');
    const headers = { 'content-type': 'application/x-ndjson', 'cache-control': 'no-store', 'x-accel-buffering': 'no' };
    return new Response(stream, { headers });
  });

  app.post(entriesRoute.path, async (c) => {
    const { livemode } = requireSeller(c);
    const { keys } = read(entriesBody, c.req.header('content-type'), await c.req.text());
    const { version, entries } = await local.entries(keys, livemode);
    const answer: z.infer<typeof entriesSchema> = {
      object: 'gate_entries',
      version,
      entries: entries.map(({ outcome, parts }) => ({ outcome, parts: parts.map((part) => ({ ...part })) })),
    };
    return c.json(answer, 200);
  });

  app.post(blocksRoute.path, async (c) => {
    const { livemode } = requireSeller(c);
    const blocks = await local.carve(read(blocksBody, c.req.header('content-type'), await c.req.text()), livemode);
    const answer: z.infer<typeof blocksSchema> = { object: 'blocks', answers: blocks.map(viewOf) };
    return c.json(answer, 200);
  });

  app.post(returnRoute.path, async (c) => {
    requireSeller(c);
    const { blocks } = read(returnBody, c.req.header('content-type'), await c.req.text());
    await local.giveBack(blocks.map(askOf));
    return c.json({ object: 'blocks_returned' as const, count: blocks.length }, 200);
  });

  app.post(usageRoute.path, async (c) => {
    requireSeller(c);
    const { id, counter, events } = read(usageBody, c.req.header('content-type'), await c.req.text());
    await local.use({
      id,
      counter,
      events: events.map(({ meter: meter_id, occurred_at, ...event }) => ({
        ...event,
        meter_id,
        occurred_at: Date.parse(occurred_at),
      })),
    });
    return c.json({ object: 'gate_usage' as const, id, count: events.length }, 200);
  });

  return app;
}

function read<T>(schema: z.ZodType<T>, content_type: string | undefined, text: string): T {
  if (!/^application\/json\s*(?:;|$)/i.test(content_type ?? ''))
    throw new Problem('unsupported_media_type', 'Send application/json.', { param: 'content-type' });
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    throw new Problem('invalid_json', 'The body is not valid JSON.');
  }
  const found = schema.safeParse(body);
  if (!found.success) throw invalidRequest(found.error);
  return found.data;
}

function viewOf(blocks: Blocks): z.infer<typeof blocksSchema>['answers'][number] {
  const { outcome } = blocks;
  if (outcome !== 'carved') return { outcome, allowed: false, now: new Date(0).toISOString(), parts: [] };
  const parts = blocks.parts.flatMap((part) => (part.kind === 'window' || part.kind === 'quota' ? part : []));
  return { outcome, allowed: blocks.allowed, now: new Date(blocks.now).toISOString(), parts };
}

/** A block that comes back, as a question that takes nothing. */
function askOf(block: z.infer<typeof returnBody>['blocks'][number]): Ask {
  const { id, limit, units, spent, slot, epoch } = block;
  const nothing = { need: 0, want: 0, back: { units, spent, slot, epoch }, is_fresh: false };
  if (block.kind === 'window') return { take: { kind: 'window', id, limit, window_ms: block.window_ms }, ...nothing };
  const { hard, meter: meter_id, key_id } = block;
  const of = { meter_id, key_id, start_at: Date.parse(block.period_start_at) };
  return {
    take: { kind: 'quota', id, limit, hard, seed: 0, period_end_at: Date.parse(block.period_end_at), of },
    ...nothing,
  };
}
