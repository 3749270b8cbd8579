import type { Decided, GateUsage } from '@farebox/core';
import { createRequestId } from '../lib/id.ts';
import { type Gate, type VerifyRequest, createGate } from './gate.ts';

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

  function committed(decided: Decided): Decided | Promise<Decided> {
    const commit = taken(decided.request_id);
    return commit === undefined ? decided : afterwards(gate.kept(decided), commit);
  }

  async function afterwards(decided: Decided, commit: Promise<void>): Promise<Decided> {
    await commit;
    return decided;
  }

  function decide(request: VerifyRequest): Decided | Promise<Decided> {
    const request_id = request.request_id ?? createRequestId(deps.clock.now());
    const decided = gate.decide({ ...request, request_id });
    return decided instanceof Promise ? decided.then(committed) : committed(decided);
  }

  return {
    ...gate,
    decide,
    verify(request) {
      const decided = decide(request);
      return decided instanceof Promise ? decided.then(gate.verificationOf) : gate.verificationOf(decided);
    },
    async measure(request, units) {
      await gate.measure(request, units);
      await taken(`${request.request_id}_more`);
    },
  };
}
