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
  const known: Record<Named['by'], Map<string, { id: string; until_at: Instant }>> = {
    id: new Map(),
    external_id: new Map(),
    either: new Map(),
  };

  /** Looks up those that are not known. */
  async function learn(missing: readonly Named[], now: Instant): Promise<void> {
    const rows = await customersNamed(deps.db, [...new Set(missing.map(({ name }) => name))]);
    const byId = new Set(rows.map(({ id }) => id));
    const byExternalId = new Map(
      rows.flatMap(({ id, external_id }) => (external_id === null ? [] : [[external_id, id]])),
    );
    for (const { by, name } of missing) {
      const own = by !== 'external_id' && byId.has(name) ? name : null;
      const id = own ?? (by === 'id' ? undefined : byExternalId.get(name));
      if (id === undefined) known[by].delete(name);
      else known[by].set(name, { id, until_at: now + knownMs });
    }
  }

  return {
    /** Of each name, in order, the id, where there is such a customer; null: nobody is named. */
    async resolve(names: readonly (Named | null)[]): Promise<(string | null)[]> {
      const now = deps.clock.now();
      const missing = names.filter((named): named is Named => {
        const found = named === null ? undefined : known[named.by].get(named.name);
        return named !== null && (found === undefined || now >= found.until_at);
      });
      if (missing.length > 0) {
        for (const each of Object.values(known)) if (each.size + missing.length > mostKnown) each.clear();
        await learn(missing, now);
      }
      return names.map((named) => (named === null ? null : (known[named.by].get(named.name)?.id ?? null)));
    },
  };
}
