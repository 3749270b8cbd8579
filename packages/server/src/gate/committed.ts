import type { GateUsage, Verification } from '@farebox/core';
import { type Gate, createGate } from './gate.ts';

type GateDeps = Omit<Parameters<typeof createGate>[0], 'record'>;

/**
 * A gate whose answer waits until what it counted is committed: what is let through is stored, whatever is killed. Where that
 * fails nothing is let through; what limits took for it stays taken. `commit` resolves once the usage is stored.
 */
export function createCommittedGate(deps: GateDeps & { commit(usage: GateUsage): Promise<void> }): Gate {
  /** By the name of the usage, until its decision takes it: within the same turn. */
  const committing = new Map<string, Promise<void>>();
  const gate = createGate({ ...deps, record: (usage) => void committing.set(usage.id, deps.commit(usage)) });

  function taken(id: string): Promise<void> | undefined {
    const commit = committing.get(id);
    committing.delete(id);
    return commit;
  }

  function committed(verification: Verification): Verification | Promise<Verification> {
    return taken(verification.request_id)?.then(() => verification) ?? verification;
  }

  return {
    ...gate,
    verify(request) {
      const verification = gate.verify(request);
      return verification instanceof Promise ? verification.then(committed) : committed(verification);
    },
    async measure(request, units) {
      await gate.measure(request, units);
      await taken(`${request.request_id}_more`);
    },
  };
}
