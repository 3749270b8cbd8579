import { type RedisClientType, createClient } from '@redis/client';
import { createHash } from 'node:crypto';
import { type Instant, type WindowState, windowFreeAt, windowSlots, windowUsed } from '@farebox/core';
import { invariant } from '../lib/invariant.ts';
import type { Counter, Take, TakeResult } from '../ports.ts';

/** A counter with a connection behind it. */
export interface RedisCounter extends Counter {
  take(takes: readonly Take[], cost: number, now: Instant): Promise<TakeResult>;
  close(): Promise<void>;
}

/**
 * One decision in one step on the server: read every limit, see whether all have room, take from all or from none.
 *
 * KEYS: one per limit, all with the customer as hash tag, so that they live on one node of a cluster.
 * ARGV: cost, now (empty: the server's time), four per limit (`argumentsOf`), and how long quotas are kept.
 * A window is eleven counts in a ring, the newest slot's number and the window's length (core's WindowState); a quota is a
 * number. Every key gets a time to live in the same step.
 */
const script = `
local cost = tonumber(ARGV[1])
local now = tonumber(ARGV[2])
if now == nil then
  local t = redis.call('TIME')
  now = tonumber(t[1]) * 1000 + math.floor(tonumber(t[2]) / 1000)
end
local states, allowed, ring = {}, 1, ${windowSlots + 1}
for i, key in ipairs(KEYS) do
  local kind, limit = ARGV[i * 4 - 1], tonumber(ARGV[i * 4])
  local a, b = tonumber(ARGV[i * 4 + 1]), ARGV[i * 4 + 2]
  local text = redis.call('GET', key)
  if kind == 'w' then
    local s = {}
    if text then for n in string.gmatch(text, '[^,]+') do s[#s + 1] = tonumber(n) end end
    for n = #s + 1, ring + 1 do s[n] = 0 end
    local slot, head = math.floor(now * ${windowSlots} / a), s[ring + 1]
    if s[ring + 2] and s[ring + 2] ~= a then
      local used = 0
      for n = 1, ring do used = used + s[n]; s[n] = 0 end
      head = slot
      s[slot % ring + 1] = used
    end
    local last = math.max(slot, head)
    for n = math.max(head + 1, last - ${windowSlots}), last do s[n % ring + 1] = 0 end
    local used = 0
    for n = 1, ring do used = used + s[n] end
    s[ring + 1], s[ring + 2] = last, a
    if used + cost > limit then allowed = 0 end
    states[i] = s
  else
    local used = math.max(tonumber(text or '0'), a)
    if b == '1' and used + cost > limit then allowed = 0 end
    states[i] = used
  end
end
local answer = { allowed, string.format('%.0f', now) }
for i, key in ipairs(KEYS) do
  local s = states[i]
  if type(s) == 'table' then
    local window = s[ring + 2]
    if allowed == 1 and cost > 0 then s[s[ring + 1] % ring + 1] = s[s[ring + 1] % ring + 1] + cost end
    local parts = {}
    for n = 1, ring + 2 do parts[n] = string.format('%.0f', s[n]) end
    answer[#answer + 1] = table.concat(parts, ',')
    if allowed == 1 and cost > 0 then redis.call('SET', key, answer[#answer], 'PX', string.format('%.0f', window * 1.2 + 1000)) end
  else
    if allowed == 1 then s = s + cost end
    answer[#answer + 1] = string.format('%.0f', s)
    if allowed == 1 then redis.call('SET', key, answer[#answer], 'PX', string.format('%.0f', math.max(tonumber(ARGV[#ARGV]), 86400000))) end
  end
end
return answer
`;

const digest = createHash('sha1').update(script).digest('hex');

/**
 * Counts in Redis, exact over any number of processes. `time: 'redis'` takes the server's clock, so that processes whose
 * clocks differ agree; `'caller'` takes the caller's, which a local Stripe's movable clock needs.
 */
export function createRedisCounter(options: {
  url: string;
  time: 'redis' | 'caller';
  timeout_ms: number;
  onError(error: unknown): void;
}): RedisCounter {
  const client: RedisClientType = createClient({
    url: options.url,
    disableOfflineQueue: true,
    socket: { connectTimeout: 2000, reconnectStrategy: (tries) => Math.min(50 * 2 ** Math.min(tries, 6), 2000) },
  });
  client.on('error', options.onError);
  // The program starts with Redis absent and counts there as soon as it answers.
  const connecting = client.connect().catch(options.onError);

  async function evaluate(keys: string[], values: string[]): Promise<unknown> {
    try {
      return await client.evalSha(digest, { keys, arguments: values });
    } catch (error) {
      if (!(error instanceof Error) || !error.message.startsWith('NOSCRIPT')) throw error;
      return await client.eval(script, { keys, arguments: values });
    }
  }

  return {
    async take(takes, cost, now) {
      if (takes.length === 0) return { allowed: true, denied: -1, used: [], reset_at: [] };
      const values = [String(cost), options.time === 'caller' ? String(now) : ''];
      let periodEnd = now;
      for (const take of takes) {
        values.push(...argumentsOf(take));
        if (take.kind === 'quota') periodEnd = Math.max(periodEnd, take.period_end_at);
      }
      // Quotas outlive their period by a day: usage that comes late is still counted where it belongs.
      values.push(String(periodEnd - now + 86_400_000));
      return resultOf(takes, cost, await inTime(evaluate(takes.map(keyOf), values), options.timeout_ms));
    },
    async close() {
      if (client.isOpen) client.destroy();
      await connecting;
    },
  };
}

/** A server that is stopped keeps its connection and answers nothing: the caller waits no longer than this. */
async function inTime<T>(answer: Promise<T>, timeout_ms: number): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new Error(`Redis did not answer within ${timeout_ms} ms.`)), timeout_ms);
  try {
    return await Promise.race([answer, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}

/** `cust_a:1s` → `farebox:{cust_a}:1s` */
function keyOf(take: Take): string {
  const at = take.id.indexOf(':');
  invariant(at > 0, 'a counter is named by its customer first');
  return `farebox:{${take.id.slice(0, at)}}${take.id.slice(at)}`;
}

function argumentsOf(take: Take): string[] {
  return take.kind === 'window'
    ? ['w', String(take.limit), String(take.window_ms), '']
    : ['q', String(take.limit), String(take.seed), take.hard ? '1' : '0'];
}

function resultOf(takes: readonly Take[], cost: number, answer: unknown): TakeResult {
  invariant(Array.isArray(answer) && answer.length === takes.length + 2, 'the script answers one state per limit');
  const [allowedText, nowText, ...states] = answer.map(String);
  const allowed = allowedText === '1';
  const now = Number(nowText);
  const used: number[] = [];
  const reset_at: Instant[] = [];
  let denied = -1;
  let last = -1;
  for (const [index, take] of takes.entries()) {
    const state = states[index] ?? '';
    const after = take.kind === 'window' ? windowOf(state) : null;
    const count = take.kind === 'window' && after !== null ? windowUsed(after, now, take.window_ms) : Number(state);
    const refuses = !allowed && count + cost > take.limit && (take.kind === 'window' || take.hard);
    const need = refuses ? cost : Math.max(1, take.limit - count + 1);
    const free =
      take.kind === 'quota'
        ? take.period_end_at
        : count === 0 || after === null
          ? now
          : windowFreeAt(after, take.limit, need, now, take.window_ms);
    used.push(count);
    reset_at.push(free);
    if (!refuses) continue;
    const frees = cost > take.limit ? Number.POSITIVE_INFINITY : free;
    if (frees > last) {
      denied = index;
      last = frees;
    }
  }
  return { allowed, denied, used, reset_at };
}

function windowOf(text: string): WindowState {
  return text.split(',', windowSlots + 2).map(Number);
}
