import type { ChaosWish } from '../controls.ts';
import type { DunningPolicy, WebhookPolicy } from '../store/machinery.ts';
import type { Snapshot } from '../store/snapshot.ts';
import { notice, redirect } from './html.ts';
import type { PageDeps, PageRequest } from './pages.ts';
import { runCommands, switched } from './room-runs.ts';
import { readFault } from './room-faults.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const FARTHEST = 3_660 * DAY;
/** How many snapshots are kept; the oldest goes. */
const MOST_SNAPSHOTS = 10;

const ROOM = { href: '/_sandbox', label: 'Control room' };

function amountOfTime(form: URLSearchParams): number | null {
  const units: [string, number][] = [
    ['ms', 1],
    ['hours', HOUR],
    ['days', DAY],
  ];
  let total: number | null = null;
  for (const [name, length] of units) {
    const value = form.get(name);
    if (value === null) continue;
    const number = Number(value);
    if (value.trim() === '' || !Number.isFinite(number) || number < 0) return null;
    total = (total ?? 0) + Math.round(number * length);
  }
  return total !== null && total <= FARTHEST ? total : null;
}

function readChaos(form: URLSearchParams): ChaosWish {
  if (form.get('off') === 'true') return null;
  const wish: NonNullable<ChaosWish> = {};
  for (const name of ['duplicate', 'reorder', 'delay', 'delay_ms', 'drop', 'truncate'] as const) {
    const value = form.get(name)?.trim() ?? '';
    if (value !== '') wish[name] = Number(value);
  }
  const version = form.get('api_version')?.trim() ?? '';
  if (version !== '' && version !== 'null') wish.api_version = version;
  return wish;
}

/** `schedule_days` are numbers between commas; none means that nothing is tried again. */
function readDunning(form: URLSearchParams): Partial<DunningPolicy> | null {
  if (form.get('default') === 'true') return null;
  const days = form.get('schedule_days');
  const after = form.get('after_all_fail');
  return {
    ...(days === null
      ? {}
      : {
          schedule_days: days
            .split(',')
            .filter((each) => each.trim() !== '')
            .map(Number),
        }),
    ...(after === null ? {} : { after_all_fail: after as DunningPolicy['after_all_fail'] }),
  };
}

/** What a button does with its form: a text is a refusal. */
export type Command = (form: URLSearchParams) => Promise<object | string>;

function webhookCommands(deps: PageDeps, policies: readonly WebhookPolicy[]): Record<string, Command> {
  const { controls, deliveries } = deps;
  return {
    async 'webhooks/policy'(form) {
      const wanted = policies.find((name) => name === form.get('policy'));
      if (wanted === undefined) return `The policy is one of ${policies.join(', ')}.`;
      controls.policy.set(wanted);
      await deps.store.durable();
      return { policy: wanted };
    },
    async 'webhooks/chaos'(form) {
      controls.chaos.set(readChaos(form));
      await deps.store.durable();
      return { chaos: controls.chaos.get() };
    },
    async 'webhooks/roll'(form) {
      const overlap_ms = Math.round(Number(form.get('overlap_hours') ?? '0') * HOUR);
      const secret = await controls.rollSecret(form.get('endpoint') ?? '', overlap_ms);
      return secret === null ? 'There is no such webhook endpoint.' : { secret };
    },
    async 'webhooks/release'(form) {
      return { released: await deliveries.release({ reversed: form.get('reversed') === 'true' }) };
    },
    async 'webhooks/resend'(form) {
      const resent = await deliveries.resend(form.get('delivery') ?? form.get('event') ?? '');
      return resent === 0 ? 'There is no such delivery or event.' : { resent };
    },
  };
}

function stateCommands(deps: PageDeps, snapshots: Map<string, Snapshot>): Record<string, Command> {
  const { controls, store } = deps;
  let taken = 0;
  return {
    async 'clock/advance'(form) {
      const ms = amountOfTime(form);
      if (ms === null) return 'Say how far: `ms`, `hours` or `days`, not negative, ten years at most.';
      const { from, to, ran } = await deps.run.clock.advance(ms);
      return { from, to, now: new Date(to).toISOString(), ran };
    },
    async dunning(form) {
      controls.dunning.set(readDunning(form));
      await store.durable();
      return { dunning: controls.dunning.get() };
    },
    async faults(form) {
      const wish = readFault(form);
      if (typeof wish === 'string') return wish;
      const fault = controls.faults.add(wish);
      await store.durable();
      return fault;
    },
    async 'faults/clear'(form) {
      const cleared = controls.faults.clear(form.get('id') ?? undefined);
      await store.durable();
      return { cleared };
    },
    async snapshot() {
      taken += 1;
      const name = `snapshot ${taken}`;
      const snapshot = await controls.snapshot();
      snapshots.set(name, snapshot);
      const [oldest] = snapshots.keys();
      if (snapshots.size > MOST_SNAPSHOTS && oldest !== undefined) snapshots.delete(oldest);
      return { snapshot: name, now: new Date(snapshot.at_ms).toISOString() };
    },
    async restore(form) {
      const name = form.get('snapshot') ?? '';
      const snapshot = snapshots.get(name);
      if (snapshot === undefined) return 'There is no such snapshot.';
      await controls.restore(snapshot);
      return { restored: name, now: new Date(deps.clock.now()).toISOString() };
    },
  };
}

/** What the buttons of the control room do. A text is a refusal; anything else is the answer to a program. */
export function createCommands(
  deps: PageDeps,
  snapshots: Map<string, Snapshot>,
  policies: readonly WebhookPolicy[],
): (request: PageRequest, path: string) => Promise<Response> {
  const commands = { ...webhookCommands(deps, policies), ...stateCommands(deps, snapshots), ...runCommands(deps.runs) };
  const refused = (request: PageRequest, message: string): Response =>
    request.json
      ? Response.json({ error: { message } }, { status: 400 })
      : notice('Not understood', message, ROOM, 400);
  return async (request, path) => {
    const command = Object.hasOwn(commands, path) ? commands[path] : undefined;
    if (command === undefined) {
      return notice('No such page', 'The control room has no such command.', ROOM, 404);
    }
    try {
      const result = await command(request.form);
      if (typeof result === 'string') return refused(request, result);
      if (request.json) return Response.json(result);
      return path === 'runs' ? switched(request.form) : redirect('/_sandbox');
    } catch (cause) {
      if (cause instanceof RangeError) return refused(request, cause.message);
      throw cause;
    }
  };
}
