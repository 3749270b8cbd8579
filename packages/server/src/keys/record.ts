import type { Tx } from '../db/database.ts';
import type { ApiKeyRow } from './store.ts';

/** What a customer is told of its keys. A second notice of the same name is not sent. */
export type KeyNotice = { dedupe_key: string } & (
  | { kind: 'key_created'; data: OfKey }
  | { kind: 'key_expiring'; data: OfKey & { stops_at: string } }
  | { kind: 'key_rotated'; data: OfKey & { stops_at: string } }
  | { kind: 'key_leaked'; data: OfKey & { place: string | null; consequence: string } }
);

interface OfKey {
  key_name: string;
  key_start: string;
}

/** The notice as its owner gets it. */
export function withPerson(notice: KeyNotice, person: { name: string; dashboard_url: string }) {
  const { dedupe_key } = notice;
  switch (notice.kind) {
    case 'key_created':
      return { kind: notice.kind, dedupe_key, data: { ...notice.data, ...person } };
    case 'key_expiring':
      return { kind: notice.kind, dedupe_key, data: { ...notice.data, ...person } };
    case 'key_rotated':
      return { kind: notice.kind, dedupe_key, data: { ...notice.data, ...person } };
    case 'key_leaked':
      return { kind: notice.kind, dedupe_key, data: { ...notice.data, ...person } };
  }
}

/** Writes the notice in the transaction of what it tells. */
export type KeyNotify = (tx: Tx, customerId: string, notice: KeyNotice) => Promise<void>;

/** In the transaction of what it tells: what became of a key, for programs. */
export type KeyTold = (
  tx: Tx,
  verb: 'created' | 'updated' | 'rotated' | 'expiring' | 'expired' | 'revoked' | 'leaked',
  key: ApiKeyRow,
  before: ApiKeyRow | null,
) => Promise<void>;
