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
  onCommit(commit: Commit): void;
  faults: string[];
  world: World;
  /** How many commits it has seen. */
  commits: number;
}

/** What every commit of the sandbox must keep true. */
export function watch(): Watch {
  const world = new Mirror();
  const watching: Watch = {
    faults: [],
    world,
    commits: 0,
    onCommit({ restored, changes: written }) {
      const changes = written.map(typed);
      watching.commits += 1;
      if (restored) world.clear();
      for (const { kind, id, after } of changes) world.set(kind, id, after);
      if (!restored) {
        const faults = [
          ...moneyFaults(world, changes),
          ...lifecycleFaults(world, changes),
          ...eventFaults(world, changes),
        ];
        watching.faults.push(...faults);
        if (faults.length > 0) {
          // The commit is undone, and here too.
          for (const { kind, id, before } of changes) world.set(kind, id, before);
          throw new Error(`An invariant is broken:\n${faults.join('\n')}`);
        }
      }
      if (!restored) remember(world, changes);
    },
  };
  return watching;
}
