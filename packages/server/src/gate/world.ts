import type { Bounded, Entry, Instant } from '@farebox/core';
import { Problem } from '../problem.ts';
import type { Shelf } from './shelf.ts';

/** An entry and what it was found by. */
export interface Found {
  digest: Buffer;
  entry: Entry;
}

/** Where entries are read from. */
export interface Source {
  /** The version, which moves with every change, and whose entries changed since the one given; null: perhaps everybody's. */
  changesSince(version: number | null): Promise<{ version: number; customers: string[] | null }>;
  /**
   * The entries behind these digests; one that is missing does not exist. `known` answers the entry as it is kept: where the
   * period is still the same, its usage is taken over, since the counter has long gone on from there.
   */
  read(digests: readonly Buffer[], now: Instant, known: (digest: Buffer) => Entry | undefined): Promise<Found[]>;
  /** Whether any key is known by a hash of another system, so that a text that is none of ours may be a key. */
  hasForeign(): Promise<boolean>;
}

/** What is known, shared by those who read it, miss it and renew it. */
export interface World {
  source: Source;
  held: Shelf;
  /** Keys that do not exist. */
  unknown: Bounded<true>;
  /** Whether a text that is none of ours may be a key. */
  foreign: boolean;
  /** Counts changes: a read that began before the last one is not kept. */
  epoch: number;
  /** Counts forgotten counters. */
  mark: number;
}

/** 32 bytes as a text of 32 characters: what a Map can find. */
export function idOf(digest: Buffer): string {
  return digest.toString('latin1');
}

export function unavailable(error: unknown): Problem {
  const options = error === null ? {} : { detail: error };
  return new Problem(
    'gate_unavailable',
    'The gate cannot read its database, so this request was not decided. Try again.',
    options,
  );
}
