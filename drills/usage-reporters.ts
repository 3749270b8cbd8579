import { setTimeout as wait } from 'node:timers/promises';
import { type Chance, createChance } from './chance.ts';
import { send } from './send.ts';
import { type Journal, type SentEvent, nameOf } from './usage-journal.ts';

const hourMs = 3_600_000;
const reportersCount = 6;
/** A reporter that is not answered for this long says so: the drill would never end. */
const givesUpMs = 60_000;
const mostFormer = 500;

interface Options {
  /** Where the program is reached, by a line that can be cut. */
  url: string;
  headers: Record<string, string>;
  /** Whose events are sent. */
  customers: readonly string[];
  /** Who calls the gate, with its key. */
  callers: readonly { customer_id: string; key: string }[];
  journal: () => Journal;
  /** The time of the program, which the reporters' clocks differ from. */
  now: () => number;
  seed: number;
  onFault: (text: string) => void;
}

/**
 * Who sends usage. Reporters name their events themselves, write down what they send and what was acknowledged, send the same one
 * up to ten times, at once and later, lose patience, and have clocks that are an hour wrong and jump. Most send until they are
 * answered; some give up, and then nobody knows. Callers of the gate write down what was let through.
 */
export function createReporters(options: Options) {
  const { url, headers, customers, journal, now, onFault } = options;
  const chances = Array.from({ length: reportersCount }, (_, index) => createChance(options.seed * 100 + index));
  const former: SentEvent[] = [];
  const names = new Set<string>();
  let made = 0;

  async function reach(path: string, body: unknown, patience_ms: number) {
    try {
      return await send(`${url}${path}`, headers, body, patience_ms);
    } catch {
      // Refused, cut, or no answer in time: what became of it nobody knows.
      return null;
    }
  }

  function make(chance: Chance, clock_ms: number): SentEvent {
    made += 1;
    const type = chance.oneOf(['requests', 'render', 'sample'] as const);
    const person: Record<string, string> = chance.draw() < 0.8 ? { person: `p${chance.between(1, 60)}` } : {};
    const event: SentEvent = {
      id: `e${made}`,
      type,
      source: chance.draw() < 0.2 ? 'edge' : '',
      customer_id: chance.oneOf(customers),
      quantity: type === 'requests' ? chance.between(1, 5) : 1,
      occurred_at: Math.floor(now()) + clock_ms,
      properties: {
        requests: {},
        render: { seconds: chance.between(-3, 20), region: chance.oneOf(['eu', 'us']), ...person },
        sample: { open: chance.between(1, 5000), ...person },
      }[type],
    };
    // The id of another event makes it the same one only with its customer, type and source.
    const namesake = former.length === 0 || chance.draw() > 0.1 ? event : { ...event, id: chance.oneOf(former).id };
    const own = names.has(nameOf(namesake)) ? event : namesake;
    names.add(nameOf(own));
    return own;
  }

  /** True once all of them are answered; an event whose clock was ahead is answered too, and is not in the journal. */
  async function attempt(events: readonly SentEvent[], patience_ms: number): Promise<'done' | 'ahead' | 'open'> {
    const answer = await reach('/v1/usage/events', events.map(bodyOf), patience_ms);
    if (answer === null || answer.status === 503 || answer.status === 429) return 'open';
    if (answer.status !== 200) {
      onFault(`events were answered ${answer.status}: ${answer.text}`);
      return 'open';
    }
    const { data }: { data: { id: string; status: string; code?: string }[] } = JSON.parse(answer.text);
    if (data.length !== events.length) onFault(`${events.length} events were answered by ${data.length} results`);
    const of = (status: string) =>
      events.filter((_, index) => data[index]?.status === status).map((event) => nameOf(event));
    journal().add({ what: 'acknowledged', accepted: of('accepted'), duplicate: of('duplicate') });
    const rejected = data.filter(({ status }) => status === 'rejected');
    if (rejected.some(({ code }) => code !== 'in_future'))
      onFault(`an event was rejected: ${JSON.stringify(rejected[0])}`);
    return rejected.length > 0 ? 'ahead' : 'done';
  }

  function redated(chance: Chance, events: readonly SentEvent[]): SentEvent[] {
    const clock_ms = chance.between(-hourMs, 4 * 60_000);
    const again = events.map((event) => ({ ...event, occurred_at: Math.floor(now()) + clock_ms }));
    journal().add({ what: 'sent', events: again });
    return again;
  }

  async function untilAnswered(chance: Chance, events: readonly SentEvent[]): Promise<void> {
    const begun = performance.now();
    let current = events;
    for (;;) {
      const result = await attempt(current, chance.draw() < 0.05 ? chance.between(1, 40) : chance.between(300, 1500));
      if (result === 'done') return;
      // "Set the sender's clock."
      if (result === 'ahead') current = redated(chance, current);
      else if (chance.draw() < 0.02) return;
      else if (performance.now() - begun > givesUpMs) return onFault(`no answer in ${givesUpMs / 1000} s`);
      else await wait(chance.between(20, 120));
    }
  }

  /** The same events by somebody else, or again: some of them, in another order, with what was sent before. */
  async function repeat(chance: Chance, events: readonly SentEvent[]): Promise<void> {
    await wait(chance.between(0, 80));
    const some = events.filter(() => chance.draw() < 0.8);
    const older = former.length === 0 ? [] : Array.from({ length: chance.between(0, 10) }, () => chance.oneOf(former));
    const dated = chance.draw() < 0.3 ? redated(chance, some) : some;
    const all = [...older, ...dated, ...dated.slice(0, 1)].toSorted(() => chance.draw() - 0.5);
    if (all.length > 0) await attempt(all, chance.between(20, 1500));
  }

  async function report(chance: Chance, isOver: () => boolean): Promise<void> {
    while (!isOver()) {
      const clock_ms = chance.draw() < 0.05 ? hourMs : chance.between(-hourMs, 4 * 60_000);
      const events = Array.from({ length: chance.between(1, 30) }, () => make(chance, clock_ms));
      journal().add({ what: 'sent', events });
      const times = chance.draw() < 0.6 ? 1 : chance.between(2, 10);
      await Promise.all([
        untilAnswered(chance, events),
        ...Array.from({ length: times - 1 }, async () => await repeat(chance, events)),
      ]);
      former.push(...events.slice(0, 3));
      if (former.length > mostFormer) former.splice(0, former.length - mostFormer);
      await wait(chance.between(5, 40));
    }
  }

  async function call({ customer_id, key }: Options['callers'][number], chance: Chance, isOver: () => boolean) {
    while (!isOver()) {
      journal().add({ what: 'asked', customer_id });
      const answer = await reach('/v1/keys/verify', { key }, chance.between(300, 1500));
      const at = performance.now();
      const passed = answer?.status === 200 ? idOfPassed(answer.text) : null;
      if (passed !== null) journal().add({ what: 'passed', customer_id, id: passed, at });
      else if (answer !== null) journal().add({ what: 'refused', customer_id });
      await wait(answer === null ? 25 : chance.between(1, 8));
    }
  }

  return {
    /** Everybody, until it is over and what was sent is answered. */
    async run(isOver: () => boolean): Promise<void> {
      await Promise.all([
        ...chances.map(async (chance) => await report(chance, isOver)),
        ...options.callers.map(async (caller, index) => {
          await call(caller, createChance(options.seed * 100 + 50 + index), isOver);
        }),
      ]);
    },

    /** Events that say they occurred then, sent until they are answered. */
    async sendDated(count: number, at: number): Promise<void> {
      const [chance] = chances;
      if (chance === undefined) return;
      const events = Array.from({ length: count }, () => ({ ...make(chance, 0), occurred_at: at }));
      journal().add({ what: 'sent', events });
      await untilAnswered(chance, events);
    },

    /** Events of a journal that is closed, once more: how many were not known any more. From now on others are repeated. */
    async sendAgain(events: readonly SentEvent[]): Promise<number> {
      former.length = 0;
      const answer = await reach('/v1/usage/events', events.map(bodyOf), 10_000);
      if (answer?.status !== 200) throw new Error(`events of before were answered ${answer?.status}: ${answer?.text}`);
      const { duplicates }: { duplicates: number } = JSON.parse(answer.text);
      return events.length - duplicates;
    },
  };
}

function bodyOf({ occurred_at, ...event }: SentEvent) {
  return { ...event, occurred_at: new Date(occurred_at).toISOString() };
}

/** The id under which the request is counted; null where it was refused. */
function idOfPassed(text: string): string | null {
  const { valid, request_id }: { valid: boolean; request_id: string } = JSON.parse(text);
  return valid ? request_id : null;
}
