import type { Kind, Records } from '../../src/store/records.ts';

/** A copy of a sandbox's state, made of nothing but its commits. */
export interface World {
  all<K extends Kind>(kind: K): Records[K][];
  get<K extends Kind>(kind: K, id: string | null | undefined): Records[K] | undefined;
  /** Records of a kind that name a thing: `of('invoice', 'subscription', id)`. */
  of<K extends Kind>(kind: K, field: keyof Records[K] & string, id: string): Records[K][];
  /** How every object looked in the last commit that told of it. */
  told: Map<string, Told[]>;
}

/** An object of the API as plain JSON. */
export type Told = Record<string, unknown>;

/** One record before and after a commit. */
export interface Change<K extends Kind = Kind> {
  kind: K;
  id: string;
  before: Records[K] | null;
  after: Records[K] | null;
}

/** The changes of one kind in a commit. */
export function changesOf<K extends Kind>(changes: readonly Change[], kind: K): Change<K>[] {
  return changes.filter((each): each is Change<K> => each.kind === kind);
}

/** Fields by which records are found again, without going through all of them after every commit. */
const indexed: Partial<Record<Kind, string[]>> = {
  balance_transaction: ['customer'],
  credit_transaction: ['credit_grant'],
  invoice: ['customer', 'subscription'],
  credit_note: ['invoice'],
  invoice_payment: ['invoice'],
  meter_event: ['customer'],
};

/** The state that commits make. */
export class Mirror implements World {
  readonly told = new Map<string, Told[]>();
  readonly #tables = new Map<Kind, Map<string, Records[Kind]>>();
  readonly #index = new Map<string, Set<string>>();

  #table(kind: Kind): Map<string, Records[Kind]> {
    const table = this.#tables.get(kind) ?? new Map<string, Records[Kind]>();
    this.#tables.set(kind, table);
    return table;
  }

  /** A record that stays where it was filed keeps its place in the order. */
  #file(kind: Kind, id: string, was: Records[Kind] | undefined, is: Records[Kind] | null): void {
    for (const field of indexed[kind] ?? []) {
      const key = (record: Records[Kind] | null | undefined): string | null =>
        record == null ? null : `${kind} ${field} ${String((record as object as Told)[field])}`;
      const [from, to] = [key(was), key(is)];
      if (from === to) continue;
      if (from !== null) this.#index.get(from)?.delete(id);
      if (to !== null) this.#index.set(to, (this.#index.get(to) ?? new Set()).add(id));
    }
  }

  set(kind: Kind, id: string, record: Records[Kind] | null): void {
    const table = this.#table(kind);
    this.#file(kind, id, table.get(id), record);
    if (record === null) table.delete(id);
    else table.set(id, record);
  }

  clear(): void {
    this.#tables.clear();
    this.#index.clear();
    this.told.clear();
  }

  all<K extends Kind>(kind: K): Records[K][] {
    return [...this.#table(kind).values()] as Records[K][];
  }

  get<K extends Kind>(kind: K, id: string | null | undefined): Records[K] | undefined {
    return this.#table(kind).get(id ?? '') as Records[K] | undefined;
  }

  of<K extends Kind>(kind: K, field: keyof Records[K] & string, id: string): Records[K][] {
    if (indexed[kind]?.includes(field) !== true) throw new Error(`${kind} is not filed by ${field}`);
    const ids = this.#index.get(`${kind} ${field} ${id}`) ?? [];
    return [...ids].map((each) => this.get(kind, each)).filter((each) => each !== undefined);
  }
}
