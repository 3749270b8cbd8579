import type { Instant } from './plan.ts';

/**
 * A sliding window in ten slots and the current one. A request counts the slot it is in and the ten before, which together
 * reach back at least one whole window, so no window of that length, wherever it starts, holds more than the limit. The
 * price: a request may wait at most a tenth of the window longer than an exact log would make it.
 */
export const windowSlots = 10;

const ring = windowSlots + 1;
/** After the counts: the number of the newest slot, the sum of the counts, and the newest slot's place in the ring. */
const newest = ring;
const total = ring + 1;
const head = ring + 2;

/**
 * The state of one window: `windowSlots + 1` counts in a ring (slot number modulo its length) and the number of the newest
 * slot; after them what follows from these and is asked for with every request. Plain numbers, so that a counter can keep a great
 * many.
 */
export type WindowState = number[];

/** A window nothing was taken from. */
export function createWindow(): WindowState {
  return [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
}

/** A window as it is sent and stored: its counts and the number of the newest slot. */
export function windowOf(numbers: readonly number[]): WindowState {
  const counts = Array.from({ length: ring }, (_, place) => numbers[place] ?? 0);
  const slot = numbers[newest] ?? 0;
  return [...counts, slot, counts.reduce((sum, count) => sum + count, 0), slot % ring];
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
  return used;
}

/** Takes units from the window, without asking whether they fit: `windowUsed` asks, and of several windows all or none take. */
export function windowTake(state: WindowState, units: number, now: Instant, window_ms: number): void {
  const passed = slotsSince(state, now, window_ms);
  let place = state[head] ?? 0;
  if (passed > 0) {
    // The slots that began since are empty; what stood in their places has left the window.
    for (let left = passed; left > 0; left--) {
      place = after(place);
      state[total] = (state[total] ?? 0) - (state[place] ?? 0);
      state[place] = 0;
    }
    const slot = slotOf(now, window_ms);
    place = slot % ring;
    state[newest] = slot;
    state[head] = place;
  }
  state[place] = (state[place] ?? 0) + units;
  state[total] = (state[total] ?? 0) + units;
}

/**
 * In how many milliseconds `need` more units fit, if nothing else is taken until then: 0 when they fit already. For more units than
 * the limit there is no such time; the answer is when the window is empty, the most it can offer.
 */
export function windowWaitMs(state: WindowState, limit: number, need: number, now: Instant, window_ms: number): number {
  const passed = slotsSince(state, now, window_ms);
  let excess = windowUsed(state, now, window_ms) + need - limit;
  // All of it has left: more is not to be had.
  if (excess <= 0 || passed === ring) return 0;
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

/** Gives units back to the slot they were taken in. Of a slot that has left the ring, or that the state has not seen, nothing. */
export function windowGiveBack(state: WindowState, units: number, slot: number): void {
  const last = state[newest] ?? 0;
  if (slot > last || slot <= last - ring) return;
  const place = slot % ring;
  const back = Math.min(units, state[place] ?? 0);
  state[place] = (state[place] ?? 0) - back;
  state[total] = (state[total] ?? 0) - back;
}

/** The newest slot a window knows: the one that units are taken in. */
export function newestSlot(state: WindowState): number {
  return state[newest] ?? 0;
}

/** When a slot ends, exclusive. */
export function slotEnd(slot: number, window_ms: number): Instant {
  return Math.ceil(((slot + 1) * window_ms) / windowSlots);
}

/** From when on nothing in a window counts, if nothing more is taken: the newest slot has left it. */
export function windowOverAt(state: WindowState, window_ms: number): Instant {
  return slotEnd((state[newest] ?? 0) + windowSlots, window_ms);
}
