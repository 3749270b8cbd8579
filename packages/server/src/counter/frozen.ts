import { type Instant, createWindow, windowNumbers, windowOf, windowOverAt } from '@farebox/core';
import { createReader, createWriter, isCount } from '../lib/packed-bytes.ts';
import { type Row, createPackedTable } from '../lib/packed-table.ts';
import { type Item, Bucket, Places, Quota, Window } from './kept.ts';

interface Identified {
  id: string;
  item: Item;
}

const kinds = [Window, Bucket, Places, Quota] as const;
/** Beside the kind: the name ends in a number, and the name is one of those that are known. */
const hasNumber = 4;
const isNamed = 8;
/** Not all of its numbers are counts. */
const isLong = 16;
/** Names of limits and meters are few. Longer ones are of keys. */
const mostNames = 1000;
const mostName = 24;

/**
 * What counts and was not asked for lately, as bytes: all limits of a customer in one row. Nothing is lost in it, and what comes out of it
 * is what went in. An id is here or with its counter, never in both.
 */
export function createFrozen(home: object) {
  const table = createPackedTable();
  /** Its limits, and the row: they, how long they are, and when the first of them is over. */
  const writer = createWriter();
  const whole = createWriter();
  const keyWriter = createWriter();
  const reader = createReader();
  const names: string[] = [];
  const places = new Map<string, number>();
  const sizes = { shorts: 0, quotas: 0 };

  function keyOf(customer: string): Buffer {
    keyWriter.begin();
    keyWriter.id(customer);
    return keyWriter.buffer().subarray(0, keyWriter.length());
  }

  function count(item: Item, by: 1 | -1): void {
    if (item instanceof Quota) sizes.quotas += by;
    else sizes.shorts += by;
  }

  /** `requests:1700000000000`: periods differ, names do not. */
  function writeName(name: string, tag: number): void {
    const at = name.lastIndexOf(':');
    const number = Number(name.slice(at + 1));
    const isNumbered = at !== -1 && String(number) === name.slice(at + 1) && isCount(number);
    const text = isNumbered ? name.slice(0, at) : name;
    let place = places.get(text);
    if (place === undefined && text.length <= mostName && names.length < mostNames) {
      place = names.push(text) - 1;
      places.set(text, place);
    }
    writer.u8(tag | (isNumbered ? hasNumber : 0) | (place === undefined ? 0 : isNamed));
    if (place === undefined) writer.text(text);
    else writer.count(place);
    if (isNumbered) writer.count(number);
  }

  function readName(tag: number): string {
    const text = (tag & isNamed) === 0 ? reader.text() : (names[reader.count()] ?? '');
    return (tag & hasNumber) === 0 ? text : `${text}:${reader.count()}`;
  }

  function write(name: string, item: Item): void {
    const kind = kinds.findIndex((each) => item instanceof each);
    const numbers = numbersOf(item);
    const counts = numbers.every(isCount);
    writeName(name, kind | (counts ? 0 : isLong));
    writer.count(numbers.length);
    for (const number of numbers) writer.number(number, counts);
    if (item instanceof Places) for (const lease of item.leases.keys()) writer.text(lease);
  }

  function read(customer: string): Identified {
    const tag = reader.u8();
    const id = `${customer}:${readName(tag)}`;
    const numbers = Array.from({ length: reader.count() }, () => reader.number((tag & isLong) === 0));
    const [first = 0, second = 0, third = 0, fourth = 0] = numbers;
    switch (kinds[tag & 3]) {
      case Window:
        return { id, item: windowFrom(home, numbers) };
      case Bucket: {
        const bucket = new Bucket(home, first);
        bucket.state.level = second;
        bucket.state.at = third;
        bucket.idle_at = fourth;
        return { id, item: bucket };
      }
      case Quota:
        return { id, item: new Quota(home, first, second, third) };
      default: {
        const places = new Places(home);
        for (const until of numbers.slice(1)) places.leases.set(reader.text(), until);
        places.idle_at = first;
        return { id, item: places };
      }
    }
  }

  function itemsOf(row: Row): Identified[] {
    reader.begin(table.keyOf(row), 0);
    const customer = reader.id();
    reader.begin(table.chunkOf(row), table.bodyOf(row));
    reader.f64();
    const bytes = reader.count();
    const end = reader.at() + bytes;
    const items: Identified[] = [];
    while (reader.at() < end) items.push(read(customer));
    return items;
  }

  function remove(row: Row): Identified[] {
    const items = itemsOf(row);
    table.remove(row);
    for (const { item } of items) count(item, -1);
    return items;
  }

  /** Adds to what is here of the customer, whose bytes stay as they are. */
  function put(customer: string, items: readonly Identified[]): void {
    if (items.length === 0) return;
    const key = keyOf(customer);
    const row = table.find(key);
    let until_at = Number.POSITIVE_INFINITY;
    writer.begin();
    if (row !== 0) {
      reader.begin(table.chunkOf(row), table.bodyOf(row));
      until_at = reader.f64();
      const bytes = reader.count();
      writer.raw(table.chunkOf(row), reader.at(), reader.at() + bytes);
    }
    for (const { id, item } of items) {
      write(id.slice(customer.length + 1), item);
      count(item, 1);
      until_at = Math.min(until_at, overAt(item));
    }
    whole.begin();
    whole.f64(until_at);
    whole.count(writer.length());
    whole.raw(writer.buffer(), 0, writer.length());
    table.put(key, whole.buffer(), whole.length());
  }

  function take(customer: string): Identified[] {
    const row = table.find(keyOf(customer));
    return row === 0 ? [] : remove(row);
  }

  return {
    sizes,
    bytes: () => table.bytes(),

    /** Keeps what counts under the id, which is not here yet. False for an id that says not whose it is. */
    freeze(id: string, item: Item): boolean {
      if (!id.includes(':')) return false;
      const customer = customerOf(id);
      put(customer, [{ id, item }]);
      return true;
    },

    /** All that is here of the customer whose id it is; it is here no more. */
    thaw: (id: string): Identified[] => (table.size() === 0 ? [] : take(customerOf(id))),

    /** It is with its counter again. */
    drop(id: string): void {
      if (table.size() === 0) return;
      const customer = customerOf(id);
      put(
        customer,
        take(customer).filter((each) => each.id !== id),
      );
    },

    /** Looks at the next customer and forgets what no longer counts. */
    sweep(now: Instant): void {
      const row = table.next();
      if (row === 0 || table.chunkOf(row).readDoubleLE(table.bodyOf(row)) > now) return;
      const items = remove(row);
      const [first] = items;
      if (first === undefined) return;
      put(
        customerOf(first.id),
        items.filter(({ item }) => !item.isOver(now)),
      );
    },

    /** Takes one customer out to make room. */
    evict(): Identified[] {
      const row = table.next();
      return row === 0 ? [] : remove(row);
    },
  };
}

/** When nothing of it counts any more. */
function overAt(item: Item): Instant {
  if (item instanceof Window) return windowOverAt(item.state, item.window_ms);
  return item instanceof Quota ? item.period_end_at : item.idle_at;
}

/** Whose it is, whatever it counts. */
function customerOf(id: string): string {
  const at = id.indexOf(':');
  return at === -1 ? id : id.slice(0, at);
}

/** All that a limit is, in numbers; of a window only those that are not 0, each with its place. */
function numbersOf(item: Item): number[] {
  if (item instanceof Quota) return [item.count, item.born, item.period_end_at];
  if (item instanceof Bucket) return [item.window_ms, item.state.level, item.state.at, item.idle_at];
  if (item instanceof Places) return [item.idle_at, ...item.leases.values()];
  const { window_ms, born, state } = item;
  const counts = state.slice(0, windowNumbers).flatMap((number, place) => (number === 0 ? [] : [place, number]));
  return [window_ms, born, ...counts];
}

function windowFrom(home: object, [window_ms = 0, born = 0, ...counts]: readonly number[]): Window {
  const numbers = createWindow();
  for (let at = 0; at < counts.length; at += 2) numbers[counts[at] ?? 0] = counts[at + 1] ?? 0;
  return new Window(home, window_ms, born, windowOf(numbers));
}
