import { z } from '../../http/router.ts';
import { mostCost, mostText } from '../asked.ts';

const instant = z.iso.datetime();
const mostKey = 256;
const mostId = 200;
const mostUnits = 10_000_000;
/** Limits of one request; keys, requests, blocks and events of one call. */
const mostLimits = 100;
const mostKeys = 100;
const mostRequests = 100;
const mostBlocks = 1000;
const mostEvents = 1000;
const count = z.int().min(0);

export const entriesBody = z
  .strictObject({
    keys: z.array(z.string().max(mostKey)).min(1).max(mostKeys).openapi({ description: 'As their callers sent them.' }),
  })
  .openapi('GateEntriesAsked');

export const entriesSchema = z
  .object({
    object: z.literal('gate_entries'),
    version: z
      .int()
      .openapi({ description: 'Counts the changes they have: less than a beat said is too old to keep.' }),
    entries: z
      .array(
        z.object({
          outcome: z
            .enum(['read', 'unavailable'])
            .openapi({ description: '`unavailable`: this key cannot be looked up at the moment.' }),
          parts: z.array(z.record(z.string(), z.unknown())).openapi({
            description:
              'What a decision needs: one part for each subscription and each meter. Empty: there is no such key. For @farebox/sdk of the same `protocol`.',
          }),
        }),
      )
      .openapi({ description: 'Of each key, in their order.' }),
  })
  .openapi('GateEntries');

/** What goes back of a block: so many units, and what they were carved from. */
const unspent = z.strictObject({
  units: count.max(mostUnits),
  spent: count.max(mostUnits).default(0).openapi({
    description:
      'Of a block that is spent in every window, which goes back whole: what was spent of it within the last one.',
  }),
  slot: count,
  epoch: z.string().max(64),
});
const limitId = z.string().min(3).max(mostId);

export const blocksBody = z
  .strictObject({
    counter: z.string().max(64).openapi({ description: 'To carve from, as `hello` named it.' }),
    requests: z
      .array(
        z.strictObject({
          key: z.string().max(mostKey),
          cost: count.max(mostCost),
          scope: z.string().max(mostText).nullish(),
          ip: z.string().max(64).nullish(),
          meter: z.string().max(mostText).optional(),
          method: z.string().max(20).optional(),
          path: z.string().max(4096).optional(),
          renews: z.boolean().optional().openapi({
            description: 'True: no request waits for it. What there is room for is carved, and nothing is refused.',
          }),
          limits: z
            .array(
              z.strictObject({
                id: limitId,
                limit: count,
                want: count
                  .max(mostUnits)
                  .optional()
                  .openapi({ description: 'Units to carve; left out: nothing is asked of this limit.' }),
                back: unspent.optional().openapi({ description: 'What goes back of an earlier block, with `want`.' }),
              }),
            )
            .max(mostLimits)
            .refine((limits) => limits.some(({ want }) => want !== undefined), 'At least one of them must say `want`.')
            .openapi({ description: 'All limits of the request, as the caller knows them.' }),
        }),
      )
      .min(1)
      .max(mostRequests)
      .openapi({ description: 'Each is answered by itself.' }),
  })
  .openapi('BlocksAsked');

const partSchema = z.object({
  kind: z.enum(['window', 'quota']),
  granted: z.int(),
  epoch: z.string(),
  state: z.array(z.int()).optional().openapi({ description: 'Of a window: its slots after this.' }),
  slot: z.int().optional().openapi({
    description:
      'Of a window: the slot in which they count. They may be spent until it is over: once, or, if it is a later slot than that of `now`, in every window until then.',
  }),
  used: z.int().optional().openapi({ description: 'Of a quota: units used after this.' }),
});

export const blocksSchema = z
  .object({
    object: z.literal('blocks'),
    answers: z
      .array(
        z.object({
          outcome: z.enum(['carved', 'changed', 'other_counter', 'one_by_one']).openapi({
            description:
              '`changed`: the key or its limits are others now, read the entry again. `other_counter`: units are counted by one that knows nothing of what was carved before; send the usage of that, and verify the request. `one_by_one`: nothing can be carved at the moment, verify each request.',
          }),
          allowed: z
            .boolean()
            .openapi({ description: 'Whether every limit had what is needed; otherwise nothing was carved.' }),
          now: instant.openapi({ description: "By the counter's clock." }),
          parts: z.array(partSchema).openapi({ description: 'Of each limit that was asked, in their order.' }),
        }),
      )
      .openapi({ description: 'Of each request, in their order.' }),
  })
  .openapi('Blocks');

const takeId = { id: limitId, limit: count, ...unspent.shape };

export const returnBody = z
  .strictObject({
    blocks: z
      .array(
        z.discriminatedUnion('kind', [
          z.strictObject({ kind: z.literal('window'), ...takeId, window_ms: z.int().min(1) }),
          z.strictObject({
            kind: z.literal('quota'),
            ...takeId,
            hard: z.boolean(),
            meter: z.string().max(mostText).nullable(),
            key_id: z.string().max(mostId).nullable(),
            period_start_at: instant,
            period_end_at: instant,
          }),
        ]),
      )
      .min(1)
      .max(mostBlocks),
  })
  .openapi('BlocksReturned');

export const returnedSchema = z
  .object({ object: z.literal('blocks_returned'), count: z.int() })
  .openapi('BlocksReturnedAnswer');

export const usageBody = z
  .strictObject({
    id: z.string().min(8).max(100).openapi({ description: 'Of the batch: one that comes again under it counts once.' }),
    counter: z.string().max(64).openapi({ description: 'That the units were carved from, as `hello` named it.' }),
    events: z
      .array(
        z.strictObject({
          id: z.string().min(1).max(mostText),
          customer_id: z.string().min(1).max(mostId),
          key_id: z.string().min(1).max(mostId),
          meter: z.string().min(1).max(mostText),
          quantity: z.int().min(1).max(mostCost),
          occurred_at: instant,
          endpoint: z.string().max(mostText),
        }),
      )
      .min(1)
      .max(mostEvents),
  })
  .openapi('GateUsage');

export const usageSchema = z
  .object({ object: z.literal('gate_usage'), id: z.string(), count: z.int() })
  .openapi('GateUsageAnswer');
