import type { Instant } from './plan.ts';

/**
 * A sliding window in ten slots and the current one. A request counts the slot it is in and the ten before, which together
 * reach back at least one whole window, so no window of that length, wherever it starts, holds more than the limit. The
 * price: a request may wait at most a tenth of the window longer than an exact log would make it.
 */
export const windowSlots = 10;

const ring = windowSlots + 1;
/** Where the newest slot's number is kept, after the counts. */
const newest = ring;

/**
 * The state of one window: `windowSlots + 1` counts in a ring (slot number modulo its length) and the number of the newest
 * slot. Plain numbers, so that a counter can keep a great many.
 */
export type WindowState = number[];

/** A window nothing was taken from. */
export function createWindow(): WindowState {
  return [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
}

/** The number of the slot that holds `now`; a slot is a tenth of the window. */
export function slotOf(now: Instant, window_ms: number): number {
  return Math.floor((now * windowSlots) / window_ms);
}

/** Units that count against a request at `now`. A clock that stepped back reads as standing still. */
export function windowUsed(state: WindowState, now: Instant, window_ms: number): number {
  const head = state[newest] ?? 0;
  const oldest = Math.max(slotOf(now, window_ms), head) - windowSlots;
  const first = Math.max(oldest, head - windowSlots);
  let used = 0;
  // The ring holds slots head − 10 to head; those before `oldest` have left the window. A slot's number is too large for
  // integer division, so it is divided once and its place in the ring counted on.
  let place = first % ring;
  for (let slot = first; slot <= head; slot++) {
    used += state[place] ?? 0;
    place = place === windowSlots ? 0 : place + 1;
  }
  return used;
}

/** Takes units from the window, without asking whether they fit: `windowUsed` asks, and of several windows all or none take. */
export function windowTake(state: WindowState, units: number, now: Instant, window_ms: number): void {
  const head = state[newest] ?? 0;
  const slot = Math.max(slotOf(now, window_ms), head);
  // What the ring has not seen is emptied: every slot between the newest known one and this one.
  for (let next = Math.max(head + 1, slot - windowSlots); next <= slot; next++) state[next % ring] = 0;
  const place = slot % ring;
  state[place] = (state[place] ?? 0) + units;
  state[newest] = slot;
}

/**
 * The earliest instant at which `need` more units fit, if nothing else is taken until then: `now` when they fit already.
 * For more units than the limit there is no such instant; the answer is when the window is empty, the most it can offer.
 */
export function windowFreeAt(
  state: WindowState,
  limit: number,
  need: number,
  now: Instant,
  window_ms: number,
): Instant {
  const head = state[newest] ?? 0;
  const oldest = Math.max(slotOf(now, window_ms), head) - windowSlots;
  let excess = windowUsed(state, now, window_ms) + need - limit;
  if (excess <= 0) return now;
  let leaves = oldest - 1;
  for (let slot = Math.max(oldest, head - windowSlots); slot <= head && excess > 0; slot++) {
    const count = state[slot % ring] ?? 0;
    if (count > 0) leaves = slot;
    excess -= count;
  }
  return Math.max(now, Math.ceil(((leaves + ring) * window_ms) / windowSlots));
}

/** Gives units back to the slot they were taken in. Of a slot that has left the ring, or that the state has not seen, nothing. */
export function windowGiveBack(state: WindowState, units: number, slot: number): void {
  const head = state[newest] ?? 0;
  if (slot > head || slot <= head - ring) return;
  const place = slot % ring;
  state[place] = Math.max(0, (state[place] ?? 0) - units);
}

/** The newest slot a window knows: the one that units are taken in. */
export function newestSlot(state: WindowState): number {
  return state[newest] ?? 0;
}

/** When a slot ends, exclusive. */
export function slotEnd(slot: number, window_ms: number): Instant {
  return Math.ceil(((slot + 1) * window_ms) / windowSlots);
}
