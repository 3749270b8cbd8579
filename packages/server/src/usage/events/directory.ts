import type { Instant } from '@farebox/core';
import type { Reader } from '../../db/database.ts';
import type { Clock } from '../../ports.ts';
import type { SentEvent } from './event.ts';
import { customersNamed } from '../store.ts';

/** How long a customer is known without being looked up: as long a deleted one's usage may still be taken. */
const knownMs = 60_000;
const mostKnown = 100_000;

type Named = SentEvent['customer'];

/** Whom events name, as ids of customers. Remembers those it found; who is not there is looked up again each time. */
export function createDirectory(deps: { db: Reader; clock: Clock }) {
  const known = new Map<string, { id: string; until_at: Instant }>();

  function find(named: Named, now: Instant): string | null {
    const found = known.get(keyOf(named));
    return found !== undefined && now < found.until_at ? found.id : null;
  }

  return {
    /** By the key of each name the id, where there is such a customer. */
    async resolve(names: readonly Named[]): Promise<Map<string, string>> {
      const now = deps.clock.now();
      const ids = new Map<string, string>();
      const missing = new Map<string, Named>();
      for (const named of names) {
        const key = keyOf(named);
        const id = ids.get(key) ?? find(named, now);
        if (id === null) missing.set(key, named);
        else ids.set(key, id);
      }
      if (missing.size === 0) return ids;
      const rows = await customersNamed(deps.db, [...new Set([...missing.values()].map(({ name }) => name))]);
      const byId = new Set(rows.map(({ id }) => id));
      const byExternalId = new Map(
        rows.flatMap(({ id, external_id }) => (external_id === null ? [] : [[external_id, id]])),
      );
      if (known.size + missing.size > mostKnown) known.clear();
      for (const [key, { by, name }] of missing) {
        const own = by !== 'external_id' && byId.has(name) ? name : null;
        const id = own ?? (by === 'id' ? undefined : byExternalId.get(name));
        if (id === undefined) continue;
        ids.set(key, id);
        known.set(key, { id, until_at: now + knownMs });
      }
      return ids;
    },
  };
}

export function keyOf({ by, name }: Named): string {
  return `${by}:${name}`;
}
