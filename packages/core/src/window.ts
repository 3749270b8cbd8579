import type { Instant } from './plan.ts';

/**
 * A sliding window in ten slots and the current one. A request counts the slot it is in and the ten before, which together
 * reach back at least one whole window, so no window of that length, wherever it starts, holds more than the limit. The
 * price: a request may wait at most a tenth of the window longer than an exact log would make it.
 */
export const windowSlots = 10;

const ring = windowSlots + 1;
/** After the counts: the number of the newest slot; units that were taken ahead, and the slot they count in; the same for a later slot. */
const newest = ring;
const ahead = ring + 1;
const aheadSlot = ring + 2;
const later = ring + 3;
const laterSlot = ring + 4;
/** The sum of the counts and of what was taken ahead, and the newest slot's place in the ring. */
const total = ring + 5;
const head = ring + 6;

/** Units are taken ahead for so long at least, and twice as long at most; where a slot is longer, none are. */
const aheadMs = 10_000;
/** All that is taken ahead is at most this part of the limit; and nothing of a smaller limit. */
export const aheadPart = 4;
export const leastAhead = 20;

/**
 * The state of one window: `windowSlots + 1` counts in a ring (slot number modulo its length), the number of the newest
 * slot, and what was taken for two slots that are to come; after them what follows from these and is asked for with every request. Plain
 * numbers, so that a counter can keep a great many.
 */
export type WindowState = number[];

/** How many numbers a window is sent and stored as: the first of its state. */
export const windowNumbers = ring + 5;

/** A window nothing was taken from. */
export function createWindow(): WindowState {
  return [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
}

/** A window as it is sent and stored. */
export function windowOf(numbers: readonly number[]): WindowState {
  const state = Array.from({ length: windowNumbers }, (_, place) => numbers[place] ?? 0);
  const counted = state.slice(0, ring).reduce((sum, count) => sum + count, (state[ahead] ?? 0) + (state[later] ?? 0));
  return [...state, counted, (state[newest] ?? 0) % ring];
}

/** The number of the slot that holds `now`; a slot is a tenth of the window. */
export function slotOf(now: Instant, window_ms: number): number {
  return Math.floor((now * windowSlots) / window_ms);
}

/** How many slots began since the newest one of a state; at most all. A clock that stepped back reads as standing still. */
function slotsSince(state: WindowState, now: Instant, window_ms: number): number {
  // As `slotOf`, without a call: a number of its size is allocated when a function answers it.
  return Math.min(ring, Math.max(0, Math.floor((now * windowSlots) / window_ms) - (state[newest] ?? 0)));
}

/** A slot's number is too large for integer division, so places are counted on. */
function after(place: number): number {
  return place === windowSlots ? 0 : place + 1;
}

/** Units that count against a request at `now`: all in the ring, without the oldest slots that have left the window by then. */
export function windowUsed(state: WindowState, now: Instant, window_ms: number): number {
  let used = state[total] ?? 0;
  let place = state[head] ?? 0;
  for (let left = slotsSince(state, now, window_ms); left > 0; left--) {
    place = after(place);
    used -= state[place] ?? 0;
  }
  if ((state[ahead] ?? 0) > 0) used -= goneOf(state, ahead, now, window_ms) + goneOf(state, later, now, window_ms);
  return used;
}

/** Units that were taken ahead and whose slot has left the window. */
function goneOf(state: WindowState, place: number, now: Instant, window_ms: number): number {
  const isGone = Math.floor((now * windowSlots) / window_ms) - (state[place + 1] ?? 0) >= ring;
  return isGone ? (state[place] ?? 0) : 0;
}

/** Takes units from the window, without asking whether they fit: `windowUsed` asks, and of several windows all or none take. */
export function windowTake(state: WindowState, units: number, now: Instant, window_ms: number): void {
  if (slotsSince(state, now, window_ms) > 0) moveOn(state, now, window_ms);
  const place = state[head] ?? 0;
  state[place] = (state[place] ?? 0) + units;
  state[total] = (state[total] ?? 0) + units;
}

/** The slots that began since are empty; what stood in their places has left the window. What was taken ahead of now stands in its slot. */
function moveOn(state: WindowState, now: Instant, window_ms: number): void {
  let place = state[head] ?? 0;
  for (let left = slotsSince(state, now, window_ms); left > 0; left--) {
    place = after(place);
    state[total] = (state[total] ?? 0) - (state[place] ?? 0);
    state[place] = 0;
  }
  const slot = slotOf(now, window_ms);
  state[newest] = slot;
  state[head] = slot % ring;
  while ((state[ahead] ?? 0) > 0 && (state[aheadSlot] ?? 0) <= slot) {
    const [units, due] = [state[ahead] ?? 0, state[aheadSlot] ?? 0];
    if (slot - due < ring) state[due % ring] = (state[due % ring] ?? 0) + units;
    else state[total] = (state[total] ?? 0) - units;
    forgetFirst(state);
  }
}

/** The later of what was taken ahead is the first now. */
function forgetFirst(state: WindowState): void {
  state[ahead] = state[later] ?? 0;
  state[aheadSlot] = state[laterSlot] ?? 0;
  state[later] = 0;
  state[laterSlot] = 0;
}

/**
 * The groups of slots that units of a window are taken ahead for: how many slots are one, `0`: nothing is taken ahead. Units count in the
 * last slot of the next group until that has left the window, and as many may be spent in every window up to the end of that slot: so they
 * count at least as long as what is spent of them, and no window holds more than its limit. The price: they count while nobody spends them, so
 * only a part of the limit is given that way. Groups of different windows (`id`) do not end at the same instant.
 */
export function aheadOf({ id, window_ms }: { id: string; window_ms: number }): { slots: number; shift: number } {
  const slots = Math.floor((aheadMs * windowSlots) / window_ms);
  let sum = 0;
  for (let at = 0; at < id.length; at++) sum += id.charCodeAt(at);
  return { slots, shift: slots === 0 ? 0 : sum % slots };
}

/** Units of a limit that may still be taken ahead of `now`. */
export function windowAheadRoom(state: WindowState, limit: number, now: Instant, window_ms: number): number {
  if (limit < leastAhead) return 0;
  const slot = slotOf(now, window_ms);
  const taken = (place: number): number => ((state[place + 1] ?? 0) > slot ? (state[place] ?? 0) : 0);
  return Math.max(0, Math.floor(limit / aheadPart) - taken(ahead) - taken(later));
}

/** Takes units for the last slot of the group after that of `now`; answers the slot they count in. */
export function windowTakeAhead(
  state: WindowState,
  units: number,
  now: Instant,
  window: { id: string; window_ms: number },
): number {
  const { window_ms } = window;
  const { slots, shift } = aheadOf(window);
  const slot = slots === 0 ? 0 : (Math.floor((slotOf(now, window_ms) + shift) / slots) + 2) * slots - shift - 1;
  if (slotsSince(state, now, window_ms) > 0) moveOn(state, now, window_ms);
  // Also after a clock stepped back: nothing counts in a slot before the newest.
  if (slot <= (state[newest] ?? 0)) {
    windowTake(state, units, now, window_ms);
    return state[newest] ?? 0;
  }
  const first = state[ahead] ?? 0;
  const isFirst = first === 0 || slot <= (state[aheadSlot] ?? 0);
  const [place, its] = isFirst ? [ahead, aheadSlot] : [later, laterSlot];
  // In no slot before one that others count in already: to count longer exceeds nothing.
  state[its] = (state[place] ?? 0) === 0 ? slot : Math.max(slot, state[its] ?? 0);
  state[place] = (state[place] ?? 0) + units;
  state[total] = (state[total] ?? 0) + units;
  return state[its] ?? 0;
}

/**
 * In how many milliseconds `need` more units fit, if nothing else is taken until then: 0 when they fit already. For more units than
 * the limit there is no such time; the answer is when the window is empty, the most it can offer.
 */
export function windowWaitMs(state: WindowState, limit: number, need: number, now: Instant, window_ms: number): number {
  const passed = slotsSince(state, now, window_ms);
  let excess = windowUsed(state, now, window_ms) + need - limit;
  if (excess <= 0) return 0;
  const slot = (state[newest] ?? 0) + passed;
  // From the oldest slot that counts on, until enough has left.
  let place = ((state[head] ?? 0) + passed) % ring;
  let leaves = slot - windowSlots - 1;
  for (let next = leaves + 1; next <= slot - passed && excess > 0; next++) {
    place = after(place);
    const count = state[place] ?? 0;
    if (count > 0) leaves = next;
    excess -= count;
  }
  // What was taken ahead leaves last.
  for (const place of [ahead, later]) {
    const left = (state[place] ?? 0) - goneOf(state, place, now, window_ms);
    if (excess > 0 && left > 0) leaves = state[place + 1] ?? 0;
    excess -= left;
  }
  return Math.max(0, Math.ceil(((leaves + ring) * window_ms) / windowSlots) - now);
}

/** The same as an instant. */
export function windowFreeAt(
  state: WindowState,
  limit: number,
  need: number,
  now: Instant,
  window_ms: number,
): Instant {
  return now + windowWaitMs(state, limit, need, now, window_ms);
}

/** Gives units back to the slot they were taken in. Of a slot that has left the ring, or that the state has not seen, nothing: false. */
export function windowGiveBack(state: WindowState, units: number, slot: number): boolean {
  const last = state[newest] ?? 0;
  const isRecent = slot <= last && slot > last - ring;
  const place = isRecent ? slot % ring : slot === state[aheadSlot] ? ahead : slot === state[laterSlot] ? later : null;
  if (place === null) return false;
  const back = Math.min(units, state[place] ?? 0);
  state[place] = (state[place] ?? 0) - back;
  state[total] = (state[total] ?? 0) - back;
  if (place === ahead && state[ahead] === 0) forgetFirst(state);
  return true;
}

/** The newest slot a window knows: the one that units are taken in. */
export function newestSlot(state: WindowState): number {
  return state[newest] ?? 0;
}

/** When a slot ends, exclusive. */
export function slotEnd(slot: number, window_ms: number): Instant {
  return Math.ceil(((slot + 1) * window_ms) / windowSlots);
}

/** From when on nothing in a window counts, if nothing more is taken: the last slot has left it. */
export function windowOverAt(state: WindowState, window_ms: number): Instant {
  const last = Math.max(
    state[newest] ?? 0,
    state[aheadSlot] ?? 0,
    (state[later] ?? 0) > 0 ? (state[laterSlot] ?? 0) : 0,
  );
  return slotEnd(last + windowSlots, window_ms);
}
