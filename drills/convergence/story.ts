import type { Sequence } from './commands.ts';
import { Play, rest_ms } from './play.ts';
import { differences, factsAtStripe, factsHere } from './projection.ts';
import { type Faults, checkEnd, checkHere, checkStripe, newWatch } from './safety.ts';
import type { World } from './world.ts';

export interface Verdict extends Faults {
  divergences: string[];
}

/** Plays a sequence to its end and says what was wrong. */
export async function tell(world: World, { commands, loses }: Sequence, name: string): Promise<Verdict> {
  await world.reset(name);
  const play = new Play(world, loses);
  const watch = newWatch();
  const verdict: Verdict = { divergences: [], double_charges: [], duplicate_subscriptions: [], others: [] };
  await play.begin();
  for (const [index, command] of commands.entries()) {
    if (loses === 'the last' && index === commands.length - 1) {
      await play.settle(command.seed);
      play.post.isDown = true;
    }
    await play.perform(command);
    await play.post.collect(() => 0.5);
    await checkHere(play, watch, verdict);
    if (isBad(verdict)) return verdict;
  }
  await play.settle(commands[0]?.seed ?? 0);
  // After an outage the program asks Stripe nothing for a while.
  world.time += rest_ms;
  if (play.post.lost > 0) {
    world.count('sweeps');
    await world.process.app.stripe.reconcile({ repair: true });
    await play.settle(1);
  }
  if (play.post.lost > 0 || (commands[0]?.seed ?? 0) % 4 === 0) {
    // A second run finds nothing, but that nothing listens at the sandbox: its events are taken from the list.
    const { found } = await world.process.app.stripe.reconcile({ repair: false });
    for (const { kind, detail } of found)
      if (kind !== 'webhook_disabled') verdict.divergences.push(`${kind}: ${detail}`);
  }
  verdict.divergences.push(...differences(await factsHere(play), await factsAtStripe(play)));
  await checkHere(play, watch, verdict);
  await checkStripe(play, verdict);
  await checkEnd(play, verdict);
  return verdict;
}

export function isBad(verdict: Verdict): boolean {
  return Object.values(verdict).some((list: string[]) => list.length > 0);
}
