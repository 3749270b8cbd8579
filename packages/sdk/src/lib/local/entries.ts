import { type Entry, type EntryPart, createBounded, receivedEntry } from '@farebox/core';
import { type Connection, callApi } from '../api.ts';
import { monotonic } from '../clock.ts';
import { FareboxUnavailable } from '../errors.ts';
import { createCollector } from './collect.ts';

const mostEntries = 50_000;
const mostUnknown = 10_000;
/** How long a key that does not exist is not asked for again. */
const unknownMs = 1000;
/** Keys of one call. */
const mostRead = 100;

interface Read {
  epoch: number;
  promise: Promise<Entry | null>;
}

/**
 * Keys as decisions need them, by the SHA-256 of their secret: the secret itself is not kept. However many ask for a key, it is read
 * once, and several keys with one call. What was read before a change, or from a process that has not heard of it yet, answers those who waited and is not kept.
 */
export function createEntries(connection: Connection) {
  const { hash } = process.getBuiltinModule('node:crypto');
  const held = createBounded<Entry>(mostEntries);
  const unknown = createBounded<number>(mostUnknown);
  const reading = new Map<string, Read>();
  let epoch = 0;
  let version = 0;

  const idOf = (token: string): string => hash('sha256', token, 'base64');

  const readTogether = createCollector({
    most: mostRead,
    async send(keys: readonly string[]) {
      const answer = await callApi(connection, 'POST /v1/gate/entries', { body: { keys: [...keys] } }, {});
      return answer.entries.map((entry) => ({ ...entry, version: answer.version }));
    },
  });

  async function read(id: string, token: string): Promise<Entry | null> {
    const begun = epoch;
    const answer = await readTogether.ask(token);
    if (answer.outcome === 'unavailable')
      throw new FareboxUnavailable('Farebox cannot look this key up at the moment.');
    const entry = receivedEntry(answer.parts.map(partOf));
    if (begun === epoch && answer.version >= version) {
      if (entry === null) unknown.set(id, monotonic() + unknownMs);
      else held.set(id, entry);
    }
    return entry;
  }

  return {
    /** Null: there is no such key. Rejects with `FareboxUnavailable`. */
    get(token: string, at_ms: number): Entry | null | Promise<Entry | null> {
      const id = idOf(token);
      const found = held.get(id);
      if (found !== undefined) return found;
      if ((unknown.get(id) ?? 0) > at_ms) return null;
      const begun = reading.get(id);
      if (begun?.epoch === epoch) return begun.promise;
      const mine: Read = {
        epoch,
        promise: read(id, token).finally(() => {
          if (reading.get(id) === mine) reading.delete(id);
        }),
      };
      reading.set(id, mine);
      return mine.promise;
    },
    /** Something says that the key is another now. */
    drop: (token: string) => held.delete(idOf(token)),
    changed(customers: readonly string[] | null): void {
      epoch += 1;
      unknown.clear();
      if (customers === null) return held.clear();
      const whose = new Set(customers);
      for (const id of held.keys(({ customer_id }) => whose.has(customer_id))) held.delete(id);
    },
    /** What is read from now on has so many changes at least. */
    require(told: number): void {
      version = told;
    },
    size: () => held.size(),
  };
}

/** The types are those of core, which both sides share. */
function partOf(part: object): EntryPart;
function partOf(part: object): unknown {
  return part;
}
