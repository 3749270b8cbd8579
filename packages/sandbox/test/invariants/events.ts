import type { EventRecord } from '../../src/store/machinery.ts';
import responses from '../../vectors/responses.json' with { type: 'json' };
import type { Kind } from '../../src/store/records.ts';
import { type Change, changesOf, type Told, type World } from './world.ts';

/** Every type of event that the API has. */
const types = new Set(responses.shapes['Events/EventBase'].type.map((type) => type.slice(1)));

/** Kinds of records whose changes are told by events about an object with the same id. */
const toldOf: readonly Kind[] = [
  'charge',
  'checkout_session',
  'coupon',
  'credit_grant',
  'credit_note',
  'customer',
  'dispute',
  'invoice',
  'invoice_item',
  'meter',
  'payment_intent',
  'payment_method',
  'price',
  'product',
  'promotion_code',
  'refund',
  'setup_intent',
  'subscription',
  'tax_rate',
];

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function isHash(value: unknown): value is Told {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** An object as it was before an event: `previous_attributes` put back into it, lists whole, hashes key by key. */
export function reverted(object: Told, previous: Told): Told {
  const old: Told = { ...object };
  for (const [key, value] of Object.entries(previous)) {
    const is = object[key];
    old[key] = isHash(value) && isHash(is) ? reverted(is, value) : value;
  }
  return old;
}

/** Objects that others show whole: a change of theirs is told by their own events. */
const shown = new Set(['coupon', 'plan', 'price', 'promotion_code', 'tax_rate']);

/** An object with what it only shows replaced by its id. */
function own(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(own);
  if (!isHash(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, each]) => {
      const entries = Array.isArray(each) ? each.map(idOfShown) : idOfShown(each);
      return [key, own(entries)];
    }),
  );
}

function idOfShown(value: unknown): unknown {
  return isHash(value) && shown.has(String(value['object'])) ? value['id'] : value;
}

/** Where two objects differ, as paths; what is absent is as good as `null`. */
export function differences(one: unknown, other: unknown, path = ''): string[] {
  if (JSON.stringify(one ?? null) === JSON.stringify(other ?? null)) return [];
  if (!isHash(one) || !isHash(other)) return [path];
  const keys = new Set([...Object.keys(one), ...Object.keys(other)]);
  return [...keys].flatMap((key) => differences(one[key], other[key], path === '' ? key : `${path}.${key}`));
}

/** Fields that other objects decide, or that move without an event of their own. */
const silent: Record<string, readonly string[]> = {
  customer: ['next_invoice_sequence'],
  // Time makes what is pending available.
  dispute: ['balance_transactions'],
};

function isSilent(object: string, path: string): boolean {
  return (silent[object] ?? []).some((each) => path === each || path.startsWith(`${each}.`));
}

/** 7. `previous_attributes` lead from how an object looks back to how it looked before, and leave nothing out. */
function backwardFaults(world: World, events: readonly EventRecord[]): string[] {
  const faults: string[] = [];
  const seen = new Map<string, Told[]>();
  for (const event of events) {
    const id = textOf(event.object['id']);
    const states = seen.get(id) ?? [...(world.told.get(id) ?? [])];
    seen.set(id, states);
    if (event.previous_attributes !== null) {
      const old = reverted(event.object, event.previous_attributes);
      const kind = textOf(event.object['object']);
      const found = states.map((state) => differences(own(state), own(old)).filter((path) => !isSilent(kind, path)));
      const [least] = found.toSorted((a, b) => a.length - b.length);
      if (least !== undefined && least.length > 0)
        faults.push(`7. ${event.type} ${id} says nothing of ${least.join(', ')}`);
      states.push(old);
    }
    states.push(event.object);
  }
  return faults;
}

/** Fields that move without an event, or that the API does not show. */
const unseen: Partial<Record<Kind, readonly string[]>> = {
  customer: ['next_invoice_sequence'],
  payment_method: ['authenticated'],
  subscription: ['paused.resumption'],
};

/** The API has no event for every change of these: only for arriving at these statuses. */
const milestones: Partial<Record<Kind, readonly string[]>> = {
  checkout_session: ['complete', 'expired'],
  invoice_item: [],
  payment_intent: ['canceled', 'requires_action', 'succeeded'],
  setup_intent: ['canceled', 'requires_action', 'succeeded'],
};

/** Whether the API has an event for a change at all. */
function hasEvent({ kind, before, after }: Change): boolean {
  if (kind === 'payment_method' || kind === 'checkout_session') {
    // What nobody has yet, nobody is told of.
    if (before === null || after === null) return false;
  }
  const statuses = milestones[kind];
  if (statuses === undefined || after === null || before === null) return true;
  const [was, is] = [before, after].map((each) => String((each as object as Told)['status']));
  return was !== is && statuses.includes(is ?? '');
}

/** What a record's field is where the record leaves it out. */
const defaults = new Set(['null', '[]', '0', 'false', '"create_invoice"']);

/** A record without the fields that say what would be without them. */
function complete(record: unknown): unknown {
  if (!isHash(record)) return record;
  return Object.fromEntries(Object.entries(record).filter(([, value]) => !defaults.has(JSON.stringify(value))));
}

/** 7. Every change of an object that has events is told by one, in the same commit. */
function toldFaults(changes: readonly Change[], events: readonly EventRecord[]): string[] {
  const told = new Set(events.map((event) => textOf(event.object['id'])));
  return changes.flatMap((change) => {
    const { kind, id, before, after } = change;
    if (!toldOf.includes(kind) || told.has(id) || !hasEvent(change)) return [];
    const paths = differences(complete(before), complete(after)).filter((path) => !(unseen[kind] ?? []).includes(path));
    return paths.length === 0 ? [] : [`7. ${kind} ${id}: nobody is told of ${paths.slice(0, 5).join(', ')}`];
  });
}

function newEvents(changes: readonly Change[]): EventRecord[] {
  return changesOf(changes, 'event').flatMap(({ before, after }) => (before === null && after !== null ? [after] : []));
}

/** Invariant 7. */
export function eventFaults(world: World, changes: readonly Change[]): string[] {
  const events = newEvents(changes);
  const unknown = events.filter((event) => !types.has(event.type)).map(({ type }) => `7. ${type} is no event`);
  return [...unknown, ...backwardFaults(world, events), ...toldFaults(changes, events)];
}

/** Keeps how objects look now: as the last commit that told of them says, whose events have an order of their own. */
export function remember(world: World, changes: readonly Change[]): void {
  const events = Map.groupBy(newEvents(changes), (event) => textOf(event.object['id']));
  for (const [id, about] of events)
    world.told.set(
      id,
      about.map((event) => event.object),
    );
}
