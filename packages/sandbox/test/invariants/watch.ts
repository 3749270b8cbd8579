import type { Kind, Records } from '../../src/store/records.ts';
import type { Commit, Written } from '../../src/store/store.ts';
import { eventFaults, remember } from './events.ts';
import { lifecycleFaults } from './lifecycle.ts';
import { moneyFaults } from './money.ts';
import { type Change, Mirror, type World } from './world.ts';

function typed({ kind, id, before, after }: Written): Change {
  return { kind: kind as Kind, id, before: before as Records[Kind] | null, after: after as Records[Kind] | null };
}

/** Watches every commit of a sandbox: `onCommit` throws when one breaks an invariant, and `faults` keeps which. */
export interface Watch {
  /** The run is the account that a key names; each has a state of its own. */
  onCommit(commit: Commit, run?: string): void;
  faults: string[];
  /** How many commits it has seen. */
  commits: number;
}

function faultsOf(world: World, changes: readonly Change[]): string[] {
  return [...moneyFaults(world, changes), ...lifecycleFaults(world, changes), ...eventFaults(world, changes)];
}

/** What every commit of the sandbox must keep true. */
export function watch(): Watch {
  const worlds = new Map<string, Mirror>();
  const watching: Watch = {
    faults: [],
    commits: 0,
    onCommit({ restored, changes: written }, run = '') {
      const world = worlds.get(run) ?? new Mirror();
      worlds.set(run, world);
      const changes = written.map(typed);
      watching.commits += 1;
      if (restored) world.clear();
      for (const { kind, id, after } of changes) world.set(kind, id, after);
      if (restored) return;
      const faults = faultsOf(world, changes);
      if (faults.length > 0) {
        watching.faults.push(...faults);
        // The commit is undone, and here too.
        for (const { kind, id, before } of changes) world.set(kind, id, before);
        throw new Error(`An invariant is broken:\n${faults.join('\n')}`);
      }
      remember(world, changes);
    },
  };
  return watching;
}
