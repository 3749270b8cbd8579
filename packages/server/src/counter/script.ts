import {
  type Answered,
  type Ask,
  type Carved,
  type Instant,
  type Take,
  aheadOf,
  aheadPart,
  leastAhead,
  windowNumbers,
  windowOf,
  windowSlots,
} from '@farebox/core';
import { invariant } from '../lib/invariant.ts';

export type Answer = { type: 'unknown'; quotas: number[] } | ({ type: 'decided' } & Carved);

/** Quotas outlive their period by a day: usage that comes late is still counted where it belongs. */
const keepQuotaMs = 86_400_000;
const argsPerLimit = 10;

/**
 * One decision in one step on the server: read every limit, see whether all have room, take from all or from none.
 *
 * KEYS: one per limit, all with the customer as hash tag, so that they live on one node of a cluster.
 * ARGV: now (empty: the server's time), a new epoch, ten per limit (`argumentsOf`).
 * A window is eleven counts in a ring, the newest slot's number, units taken ahead and their slot, twice, the window's length and the epoch; a
 * bucket its level, when, and the window's length; a quota its units and epoch; places a sorted set. Every key gets a time to live in the same step.
 */
export const script = `
local now = tonumber(ARGV[1])
if now == nil then
  local t = redis.call('TIME')
  now = tonumber(t[1]) * 1000 + math.floor(tonumber(t[2]) / 1000)
end
local fresh, ring, slots, stored = ARGV[2], ${windowSlots + 1}, ${windowSlots}, ${windowNumbers + 2}
local function text(n) return string.format('%.0f', n) end
local function parts(s)
  local list = {}
  if s then for n in string.gmatch(s, '[^,]+') do list[#list + 1] = n end end
  return list
end
local states, allowed, unknown = {}, 1, {}
for i, key in ipairs(KEYS) do
  local at = 2 + (i - 1) * ${argsPerLimit}
  local kind, limit, need, want = ARGV[at + 1], tonumber(ARGV[at + 2]), tonumber(ARGV[at + 3]), tonumber(ARGV[at + 4])
  local back, spent, slot = tonumber(ARGV[at + 5]), tonumber(ARGV[at + 6]), tonumber(ARGV[at + 7])
  local epoch, a, b = ARGV[at + 8], ARGV[at + 9], ARGV[at + 10]
  local s = { kind = kind, need = need, dirty = back > 0 }
  local room, ahead = 0, 0
  if kind == 'c' then
    redis.call('ZREMRANGEBYSCORE', key, '-inf', text(now))
    s.used, s.ttl, s.lease = redis.call('ZCARD', key), tonumber(a), b
    room = limit - s.used
  else
    local known = parts(redis.call('GET', key))
    if kind == 'w' then
      local window, used = tonumber(a), 0
      s.slot, s.window = math.floor(now * slots / window), window
      for n = 1, ring do s[n] = 0 end
      s.head, s.ahead, s.due, s.later, s.last, s.epoch = s.slot, 0, 0, 0, 0, fresh
      if known[1] == 'b' then
        s[s.slot % ring + 1] = math.ceil(tonumber(known[2]) / tonumber(known[4]))
      elseif #known == stored then
        s.epoch = known[stored]
        if tonumber(known[stored - 1]) == window then
          for n = 1, ring do s[n] = tonumber(known[n]) end
          s.head, s.ahead, s.due = tonumber(known[ring + 1]), tonumber(known[ring + 2]), tonumber(known[ring + 3])
          s.later, s.last = tonumber(known[ring + 4]), tonumber(known[ring + 5])
        else
          for n = 1, ring do used = used + tonumber(known[n]) end
          s[s.slot % ring + 1] = used + tonumber(known[ring + 2]) + tonumber(known[ring + 4])
        end
      end
      local last = math.max(s.slot, s.head)
      for n = math.max(s.head + 1, last - slots), last do s[n % ring + 1] = 0 end
      s.head = last
      while s.ahead > 0 and s.due <= last do
        if s.due > last - ring then s[s.due % ring + 1] = s[s.due % ring + 1] + s.ahead end
        s.ahead, s.due, s.later, s.last = s.later, s.last, 0, 0
      end
      if back > 0 and epoch == s.epoch then
        if slot > last - ring and slot <= last then
          s[slot % ring + 1] = math.max(0, s[slot % ring + 1] - back)
        elseif slot == s.due then
          s.ahead = math.max(0, s.ahead - back)
          if s.ahead == 0 then s.ahead, s.due, s.later, s.last = s.later, s.last, 0, 0 end
        elseif slot == s.last then
          s.later = math.max(0, s.later - back)
        else
          spent = 0
        end
        s[last % ring + 1] = s[last % ring + 1] + math.min(spent, back)
      end
      if limit >= ${leastAhead} then ahead = math.max(0, math.floor(limit / ${aheadPart}) - s.ahead - s.later) end
      used = s.ahead + s.later
      for n = 1, ring do used = used + s[n] end
      room = limit - used
    elseif kind == 'b' then
      local window, burst = tonumber(a), tonumber(b)
      s.level, s.at, s.window = 0, now, window
      if known[1] == 'b' then
        s.level, s.at = tonumber(known[2]), tonumber(known[3])
        if tonumber(known[4]) ~= window then s.level = math.ceil(s.level / tonumber(known[4])) * window end
      elseif #known == stored then
        local used = tonumber(known[ring + 2]) + tonumber(known[ring + 4])
        for n = 1, ring do used = used + tonumber(known[n]) end
        s.level = used * window
      end
      if now > s.at then s.level = math.max(0, s.level - (now - s.at) * limit); s.at = now end
      room = math.floor((burst * window - s.level) / window)
    else
      if #known == 0 then
        if b ~= '1' and b ~= '3' then unknown[#unknown + 1] = i - 1 end
        s.used, s.epoch, s.dirty = tonumber(a), fresh, true
      else
        s.used, s.epoch = math.max(tonumber(known[1]), tonumber(a)), known[2]
      end
      if back > 0 and epoch == s.epoch then s.used = math.max(0, s.used - back) end
      if b == '0' or b == '1' then room = want else room = limit - s.used end
    end
  end
  if need > 0 and need > room then allowed = 0 end
  s.grant = need
  s.early = want > need and kind == 'w' and ahead >= need and ahead * 2 >= want
  if s.early then
    s.grant = math.max(0, math.min(want, ahead, room))
  elseif want > need then
    s.grant = math.max(need, math.min(want, (kind == 'q' and room == want) and want or math.floor(room / 4)))
  end
  states[i] = s
end
if #unknown > 0 then return { 'unknown', unpack(unknown) } end
local answer = { allowed, text(now) }
for i, key in ipairs(KEYS) do
  local s = states[i]
  local grant = allowed == 1 and s.grant or 0
  local write = grant > 0 or s.dirty
  answer[#answer + 1] = text(grant)
  if s.kind == 'c' then
    if grant > 0 then
      redis.call('ZADD', key, text(now + s.ttl), s.lease)
      redis.call('PEXPIRE', key, text(s.ttl + 1000))
      s.used = redis.call('ZCARD', key)
    end
    local first = redis.call('ZRANGE', key, 0, 0, 'WITHSCORES')
    answer[#answer + 1] = text(s.used) .. ',' .. (first[2] and text(tonumber(first[2])) or text(now))
  elseif s.kind == 'w' then
    local charged = s.head
    if grant > 0 and s.early then
      local group, shift = string.match(ARGV[2 + i * ${argsPerLimit}], '(%d+),(%d+)')
      if group ~= '0' then charged = (math.floor((s.slot + shift) / group) + 2) * group - shift - 1 end
    end
    if charged > s.head and (s.ahead == 0 or charged <= s.due) then
      s.due = math.max(s.due, charged)
      s.ahead, charged = s.ahead + grant, s.due
    elseif charged > s.head then
      s.last = math.max(s.last, charged)
      s.later, charged = s.later + grant, s.last
    else
      charged = s.head
      s[s.head % ring + 1] = s[s.head % ring + 1] + grant
    end
    local list = {}
    for n = 1, ring do list[n] = text(s[n]) end
    list[ring + 1], list[ring + 2], list[ring + 3] = text(s.head), text(s.ahead), text(s.due)
    list[ring + 4], list[ring + 5] = text(s.later), text(s.last)
    list[stored - 1], list[stored] = text(s.window), s.epoch
    local known = table.concat(list, ',')
    answer[#answer + 1] = known .. ',' .. text(charged)
    local over = (math.max(s.head, s.due, s.last) + ring) * s.window / slots
    if write then redis.call('SET', key, known, 'PX', text(over - now + 1000)) end
  elseif s.kind == 'b' then
    s.level = s.level + grant * s.window
    answer[#answer + 1] = 'b,' .. text(s.level) .. ',' .. text(s.at) .. ',' .. text(s.window)
    local limit = tonumber(ARGV[2 + (i - 1) * ${argsPerLimit} + 2])
    if write then redis.call('SET', key, answer[#answer], 'PX', text(s.level / limit + math.max(0, s.at - now) + 1000)) end
  else
    s.used = s.used + grant
    answer[#answer + 1] = text(s.used) .. ',' .. s.epoch
    local keep = tonumber(ARGV[2 + (i - 1) * ${argsPerLimit} + 7])
    if write then redis.call('SET', key, answer[#answer], 'PX', text(math.max(keep, ${keepQuotaMs}))) end
  end
end
return answer
`;

/** `cust_a:1s` → `farebox:{cust_a}:1s` */
export function keyOf(id: string): string {
  const at = id.indexOf(':');
  invariant(at > 0, 'a counter is named by its customer first');
  return `farebox:{${id.slice(0, at)}}${id.slice(at)}`;
}

/** kind, limit, need, want, units back, those of them that were spent, their slot (of a quota: how long it is kept), their epoch, and two of the kind's own. */
export function argumentsOf({ take, need, want, back, is_fresh }: Ask, now: Instant): string[] {
  const given = [String(need), String(want), String(back?.units ?? 0), String(back?.spent ?? 0)];
  const place = [String(back?.slot ?? 0), back?.epoch ?? ''];
  switch (take.kind) {
    case 'window': {
      const { slots, shift } = aheadOf(take);
      return ['w', String(take.limit), ...given, ...place, String(take.window_ms), `${slots},${shift}`];
    }
    case 'bucket':
      return ['b', String(take.limit), ...given, ...place, String(take.window_ms), String(take.burst)];
    case 'places':
      return ['c', String(take.limit), ...given, ...place, String(take.ttl_ms), take.lease];
    case 'quota': {
      const keep = String(Math.max(0, take.period_end_at - now) + keepQuotaMs);
      const how = (take.hard ? 2 : 0) + (is_fresh ? 1 : 0);
      return ['q', String(take.limit), ...given, keep, back?.epoch ?? '', String(take.seed), String(how)];
    }
  }
}

export function answerOf(takes: readonly Take[], raw: unknown): Answer {
  invariant(Array.isArray(raw), 'the script answers a list');
  const [head = '', nowText = '', ...rest] = raw.map(String);
  if (head === 'unknown') return { type: 'unknown', quotas: [nowText, ...rest].map(Number) };
  invariant(rest.length === takes.length * 2, 'the script answers for every limit');
  const parts = takes.map((take, index) => answeredOf(take, Number(rest[index * 2]), rest[index * 2 + 1] ?? ''));
  return { type: 'decided', allowed: head === '1', now: Number(nowText), parts };
}

function answeredOf(take: Take, granted: number, text: string): Answered {
  const fields = text.split(',');
  switch (take.kind) {
    case 'window':
      return {
        kind: 'window',
        granted,
        state: windowOf(fields.map(Number)),
        epoch: fields[windowNumbers + 1] ?? '',
        slot: Number(fields[windowNumbers + 2]),
      };
    case 'bucket':
      return { kind: 'bucket', granted, state: { level: Number(fields[1]), at: Number(fields[2]) } };
    case 'places':
      return { kind: 'places', granted, used: Number(fields[0]), earliest_at: Number(fields[1]) };
    case 'quota':
      return { kind: 'quota', granted, used: Number(fields[0]), epoch: fields[1] ?? '' };
  }
}
