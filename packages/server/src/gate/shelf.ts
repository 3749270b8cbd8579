import type { Entry, Instant } from '@farebox/core';
import { createReader, createWriter } from '../lib/packed-bytes.ts';
import { type Row, createPackedTable } from '../lib/packed-table.ts';
import { createEntryPacking } from './packed-entry.ts';

/** An entry that is in use: unpacked, for as long as it is asked for. */
export interface Warm {
  entry: Entry;
  /** How many counters had been forgotten when its usage was read: one forgotten later makes it old. */
  mark: number;
  /** It is held no more, or another took its place: who remembers it looks again. */
  is_gone: boolean;
  row: Row;
}

/** Entries looked at to make room for one. */
const looks = 8;
const isRehashed = 1;
/** Bytes before the customer's id: the mark, a stamp, flags, and the rows before and after it in its chain. */
const stampAt = 4;
const flagsAt = 6;
const beforeAt = 8;
const afterAt = 12;
const customerAt = 16;
const mostChains = 2 ** 20;

/**
 * All entries that are held, by digest, packed; those in use lie beside their bytes as objects. At most `max`: beyond that one that is not in
 * use makes room. Everything in it can be read again.
 */
export function createShelf(max: number) {
  const table = createPackedTable();
  const packing = createEntryPacking();
  const writer = createWriter();
  const reader = createReader();
  const warm = new Map<Row, Warm>();
  /** The first row of each chain: those whose customers have one hash. Pages of it that nobody needs take no memory. */
  const chains = new Uint32Array(2 ** Math.ceil(Math.log2(Math.min(Math.max(2, max), mostChains))));
  let stamps = 0;

  /** Stands at the start of its entry afterwards. */
  function customerOf(row: Row): string {
    reader.begin(table.chunkOf(row), table.bodyOf(row) + customerAt);
    return reader.id();
  }

  function chainOf(customer: string): number {
    let hash = 0x811c9dc5;
    for (let at = 0; at < customer.length; at += 1) hash = Math.imul(hash ^ customer.charCodeAt(at), 0x01000193);
    return (hash ^ (hash >>> 15)) & (chains.length - 1);
  }

  function neighbour(row: Row, at: number): Row {
    return table.chunkOf(row).readUInt32LE(table.bodyOf(row) + at);
  }

  function setNeighbour(row: Row, at: number, other: Row): void {
    table.chunkOf(row).writeUInt32LE(other, table.bodyOf(row) + at);
  }

  function link(row: Row, customer: string): void {
    const chain = chainOf(customer);
    const after = chains[chain] ?? 0;
    setNeighbour(row, afterAt, after);
    if (after !== 0) setNeighbour(after, beforeAt, row);
    chains[chain] = row;
  }

  function unlink(row: Row, customer: string): void {
    const before = neighbour(row, beforeAt);
    const after = neighbour(row, afterAt);
    if (before === 0) chains[chainOf(customer)] = after;
    else setNeighbour(before, afterAt, after);
    if (after !== 0) setNeighbour(after, beforeAt, before);
  }

  /** The rows of a customer, without a look at those of others but for the few in the same chain. */
  function rowsOf(customer: string): Row[] {
    const rows: Row[] = [];
    for (let row = chains[chainOf(customer)] ?? 0; row !== 0; row = neighbour(row, afterAt))
      if (customerOf(row) === customer) rows.push(row);
    return rows;
  }

  function cool(row: Row): void {
    const one = warm.get(row);
    if (one === undefined) return;
    one.is_gone = true;
    warm.delete(row);
  }

  function remove(row: Row): void {
    cool(row);
    unlink(row, customerOf(row));
    packing.letGo(reader);
    table.remove(row);
  }

  function makeRoom(): void {
    let row = table.next();
    for (let look = 1; look < looks && warm.has(row); look += 1) row = table.next();
    remove(row);
  }

  function markOf(row: Row): number {
    return table.chunkOf(row).readUInt32LE(table.bodyOf(row));
  }

  function unpack(row: Row): Entry {
    return packing.read(reader, customerOf(row));
  }

  return {
    max,
    size: () => table.size(),
    find: (digest: Buffer): Row => table.find(digest),
    markOf,
    customerOf,
    entryOf: (row: Row): Entry => warm.get(row)?.entry ?? unpack(row),

    /** The entry for use. Who no longer remembers it says so (`close`). */
    open(row: Row): Warm {
      const known = warm.get(row);
      if (known !== undefined) return known;
      const one: Warm = { entry: unpack(row), mark: markOf(row), is_gone: false, row };
      warm.set(row, one);
      return one;
    },

    close(one: Warm): void {
      if (warm.get(one.row) === one) warm.delete(one.row);
    },

    put(digest: Buffer, entry: Entry, mark: number, more: { is_rehashed: boolean }): void {
      const known = table.find(digest);
      writer.begin();
      writer.u32(mark);
      stamps = (stamps + 1) % 2 ** 16;
      writer.u16(stamps);
      writer.u8(more.is_rehashed ? isRehashed : 0);
      writer.u8(0);
      // Its neighbours, of which it has none yet.
      writer.u32(0);
      writer.u32(0);
      writer.id(entry.customer_id);
      // Before what it replaces is let go, so that what both share stays.
      packing.write(writer, entry);
      if (known !== 0) remove(known);
      else if (table.size() >= max) makeRoom();
      link(table.put(digest, writer.buffer(), writer.length()), entry.customer_id);
    },

    remove,

    /** True once for each: told that it is found by an older digest. */
    rehash(row: Row): boolean {
      const chunk = table.chunkOf(row);
      const at = table.bodyOf(row) + flagsAt;
      const flags = chunk[at] ?? 0;
      chunk[at] = flags | isRehashed;
      return (flags & isRehashed) === 0;
    },

    isRehashed: (row: Row): boolean => ((table.chunkOf(row)[table.bodyOf(row) + flagsAt] ?? 0) & isRehashed) !== 0,

    /** Tells one that was put from one that took its place. */
    stampOf: (row: Row): number => table.chunkOf(row).readUInt16LE(table.bodyOf(row) + stampAt),

    /**
     * The digests of these customers' entries, or of everybody's (null). Those that are revoked for good leave instead: they are
     * read when they are used again, so that those which still pass do not wait for those which never will.
     */
    due(customers: ReadonlySet<string> | null, now: Instant): Buffer[] {
      const digests: Buffer[] = [];
      const look = (row: Row): void => {
        const { revoked_at } = warm.get(row)?.entry ?? unpack(row);
        if (revoked_at !== null && revoked_at <= now) remove(row);
        else digests.push(Buffer.from(table.keyOf(row)));
      };
      if (customers === null) table.scan(look);
      else for (const customer of customers) for (const row of rowsOf(customer)) look(row);
      return digests;
    },

    clear(): void {
      for (const one of warm.values()) one.is_gone = true;
      warm.clear();
      table.clear();
      packing.clear();
      chains.fill(0);
    },

    stats: () => ({ ...packing.stats(), bytes: table.bytes(), in_use: warm.size }),
  };
}

export type Shelf = ReturnType<typeof createShelf>;
