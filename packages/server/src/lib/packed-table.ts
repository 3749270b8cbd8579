import { invariant } from './invariant.ts';

/** Where a row is; 0 is none. Good until the row is removed or put again. */
export type Row = number;

const chunkBytes = 1 << 20;
const unit = 4;
const chunkUnits = chunkBytes / unit;
/** Length in units and whether the row is free, the length of its key, and one byte to spare. */
const headerBytes = 4;
const free = 0x8000;
const mostUnits = 0x7fff;
const mostKey = 255;
/** How full the index becomes, and how full it is when it grew. */
const fullest = 0.65;
const growth = 1.5;

/**
 * Rows of bytes under keys of bytes, in a few large buffers: a row costs what is in it and some eight bytes of an index, and nothing of
 * it is an object. Rows that are removed leave their place to others of their length. Keys should not be chosen by those who would gain by
 * many of one hash.
 */
export function createPackedTable() {
  const chunks: Buffer[] = [];
  /** Units of the last chunk that are taken. The first one of all is not given away: its number means none. */
  let taken = chunkUnits;
  /** By length in units: the first free row, which names the next one in its first bytes. */
  const freed = new Map<number, Row>();
  let index = new Uint32Array(64);
  let size = 0;
  let hand = 0;

  function chunkOf(row: Row): Buffer {
    const chunk = chunks[Math.floor(row / chunkUnits)];
    invariant(chunk !== undefined, 'a row is in a chunk');
    return chunk;
  }

  function startOf(row: Row): number {
    return (row % chunkUnits) * unit;
  }

  function hashOf(bytes: Uint8Array, from: number, to: number): number {
    let hash = 0x811c9dc5;
    for (let at = from; at < to; at += 1) hash = Math.imul(hash ^ (bytes[at] ?? 0), 0x01000193);
    // Every bit of a key moves every bit of its hash (murmur's last steps), so that ids made one after the other lie apart.
    hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
    hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
    return (hash ^ (hash >>> 16)) >>> 0;
  }

  function homeOf(hash: number): number {
    return Math.floor((hash / 2 ** 32) * index.length);
  }

  function homeOfRow(row: Row): number {
    const chunk = chunkOf(row);
    const start = startOf(row);
    return homeOf(hashOf(chunk, start + headerBytes, start + headerBytes + (chunk[start + 2] ?? 0)));
  }

  function after(slot: number): number {
    return slot + 1 === index.length ? 0 : slot + 1;
  }

  function isKey(row: Row, key: Buffer): boolean {
    const chunk = chunkOf(row);
    const start = startOf(row);
    if (chunk[start + 2] !== key.length) return false;
    const from = start + headerBytes;
    return chunk.compare(key, 0, key.length, from, from + key.length) === 0;
  }

  /** The slot of a key, or the empty one where it would stand. */
  function slotOf(key: Buffer): number {
    let slot = homeOf(hashOf(key, 0, key.length));
    for (let row = index[slot] ?? 0; row !== 0; row = index[slot] ?? 0) {
      if (isKey(row, key)) break;
      slot = after(slot);
    }
    return slot;
  }

  function grow(): void {
    index = new Uint32Array(Math.ceil(index.length * growth));
    hand = 0;
    scan((row) => {
      let slot = homeOfRow(row);
      while (index[slot] !== 0) slot = after(slot);
      index[slot] = row;
    });
  }

  function place(units: number): Row {
    const first = freed.get(units);
    if (first !== undefined) {
      const next = chunkOf(first).readUInt32LE(startOf(first) + headerBytes);
      if (next === 0) freed.delete(units);
      else freed.set(units, next);
      return first;
    }
    if (taken + units > chunkUnits) {
      chunks.push(Buffer.allocUnsafeSlow(chunkBytes));
      taken = chunks.length === 1 ? 1 : 0;
    }
    const row = (chunks.length - 1) * chunkUnits + taken;
    taken += units;
    const end = startOf(row) + units * unit;
    // Says that the rows of this chunk end here.
    if (taken < chunkUnits) chunkOf(row).writeUInt16LE(0, end);
    return row;
  }

  function release(row: Row): void {
    const chunk = chunkOf(row);
    const start = startOf(row);
    const units = chunk.readUInt16LE(start);
    chunk.writeUInt16LE(units | free, start);
    chunk.writeUInt32LE(freed.get(units) ?? 0, start + headerBytes);
    freed.set(units, row);
  }

  function find(key: Buffer): Row {
    return index[slotOf(key)] ?? 0;
  }

  function removeAt(slot: number): void {
    const row = index[slot] ?? 0;
    if (row === 0) return;
    release(row);
    size -= 1;
    // What stands behind moves up where its way from home leads over the gap, so that no search ends too early.
    let gap = slot;
    for (let next = after(slot); index[next] !== 0; next = after(next)) {
      const moved = index[next] ?? 0;
      const home = homeOfRow(moved);
      const isBetween = gap <= next ? home > gap && home <= next : home > gap || home <= next;
      if (isBetween) continue;
      index[gap] = moved;
      gap = next;
    }
    index[gap] = 0;
  }

  function keyOf(row: Row): Buffer {
    const chunk = chunkOf(row);
    const from = startOf(row) + headerBytes;
    return chunk.subarray(from, from + (chunk[from - 2] ?? 0));
  }

  /**
   * Shows all rows, in the order of memory, which is read ahead: where each is, and where what was put begins. It may be removed; none
   * may be put meanwhile.
   */
  function scan(visit: (row: Row, chunk: Buffer, body: number) => void): void {
    for (const [number, chunk] of chunks.entries()) {
      const end = (number === chunks.length - 1 ? taken : chunkUnits) * unit;
      let at = number === 0 ? unit : 0;
      while (at < end) {
        const header = (chunk[at] ?? 0) | ((chunk[at + 1] ?? 0) << 8);
        if (header === 0) break;
        if ((header & free) === 0)
          visit(number * chunkUnits + at / unit, chunk, at + headerBytes + (chunk[at + 2] ?? 0));
        at += (header & ~free) * unit;
      }
    }
  }

  return {
    size: () => size,
    /** Bytes that are held, used or not. */
    bytes: () => chunks.length * chunkBytes + index.byteLength,
    find,
    scan,
    keyOf,
    /** The buffer that holds the row, and where in it what was put begins. */
    chunkOf,
    bodyOf: (row: Row): number => startOf(row) + headerBytes + (chunkOf(row)[startOf(row) + 2] ?? 0),

    /** Puts what stands in `body` from its start under the key, in the place of what was there. Nothing of either is kept. */
    put(key: Buffer, body: Buffer, length: number): Row {
      const units = Math.ceil((headerBytes + key.length + length) / unit);
      invariant(
        key.length > 0 && key.length <= mostKey && units <= mostUnits,
        'a row has a short key and a bounded length',
      );
      const known = slotOf(key);
      if (index[known] !== 0) removeAt(known);
      if (size + 1 > index.length * fullest) grow();
      const row = place(Math.max(2, units));
      const chunk = chunkOf(row);
      const start = startOf(row);
      chunk.writeUInt16LE(Math.max(2, units), start);
      chunk[start + 2] = key.length;
      key.copy(chunk, start + headerBytes);
      body.copy(chunk, start + headerBytes + key.length, 0, length);
      index[slotOf(key)] = row;
      size += 1;
      return row;
    },

    remove(row: Row): void {
      let slot = homeOfRow(row);
      while (index[slot] !== row) {
        invariant(index[slot] !== 0, 'a row is in the index until it is removed');
        slot = after(slot);
      }
      removeAt(slot);
    },

    /** The next row on the way round all of them; 0 where there is none. */
    next(): Row {
      if (size === 0) return 0;
      for (;;) {
        hand = hand + 1 >= index.length ? 0 : hand + 1;
        const row = index[hand] ?? 0;
        if (row !== 0) return row;
      }
    },

    clear(): void {
      chunks.length = 0;
      taken = chunkUnits;
      freed.clear();
      index = new Uint32Array(64);
      size = 0;
      hand = 0;
    },
  };
}
