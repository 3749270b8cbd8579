import { closeSync, openSync, readFileSync, writeSync } from 'node:fs';

/** An event as a reporter sends it. */
export interface SentEvent {
  id: string;
  type: 'requests' | 'render' | 'sample';
  source: string;
  customer_id: string;
  quantity: number;
  /** In milliseconds. */
  occurred_at: number;
  properties: Record<string, string | number>;
}

/** What a reporter or a caller of the gate knows, in the order it knew it. Names are those of `nameOf`. */
type Line =
  | { what: 'sent'; events: readonly SentEvent[] }
  | { what: 'acknowledged'; accepted: readonly string[]; duplicate: readonly string[] }
  | { what: 'asked' | 'refused'; customer_id: string }
  | { what: 'passed'; customer_id: string; id: string; at: number }
  | { what: 'lost'; ids: readonly string[] };

/** All that the lines say. */
export interface Known {
  /** By name every form in which an event was sent: a clock that jumped makes several. */
  sent: Map<string, SentEvent[]>;
  /** Answered as accepted or as a duplicate: stored, by that answer. */
  acknowledged: Set<string>;
  /** How often an event was answered as accepted: once is right. */
  accepted: Map<string, number>;
  /** Questions to the gate and answers to them, by customer. */
  asked: Map<string, number>;
  answered: Map<string, number>;
  /** Requests that the gate let through, by their id, with the drill's time of the answer in milliseconds. */
  passed: Map<string, { customer_id: string; at: number }>;
  /** Of those the ones that a kill took along. */
  lost: Set<string>;
}

/** Outside the system under the drill: a file that is only ever added to, each line before or after what it tells of. */
export interface Journal {
  add(line: Line): void;
  read(): Known;
  close(): void;
}

export function openJournal(path: string): Journal {
  const file = openSync(path, 'a', 0o600);
  const known: Known = {
    sent: new Map(),
    acknowledged: new Set(),
    accepted: new Map(),
    asked: new Map(),
    answered: new Map(),
    passed: new Map(),
    lost: new Set(),
  };
  let read = 0;
  return {
    add: (line) => void writeSync(file, `${JSON.stringify(line)}\n`),
    read() {
      const bytes = readFileSync(path);
      const lines = bytes.subarray(read).toString('utf8').split('\n');
      read = bytes.length;
      for (const text of lines) if (text !== '') take(known, JSON.parse(text));
      return known;
    },
    close: () => closeSync(file),
  };
}

/** What makes an event the same one. */
export function nameOf(event: { customer_id: string; id: string; type: string; source: string }): string {
  const { customer_id, id, type, source } = event;
  return [customer_id, id, type, source].join(' ');
}

function take(known: Known, line: Line): void {
  switch (line.what) {
    case 'sent':
      for (const event of line.events) {
        const name = nameOf(event);
        const forms = known.sent.get(name);
        if (forms === undefined) known.sent.set(name, [event]);
        else forms.push(event);
      }
      break;
    case 'acknowledged':
      for (const name of line.accepted) known.accepted.set(name, (known.accepted.get(name) ?? 0) + 1);
      for (const name of [...line.accepted, ...line.duplicate]) known.acknowledged.add(name);
      break;
    case 'asked':
      known.asked.set(line.customer_id, (known.asked.get(line.customer_id) ?? 0) + 1);
      break;
    case 'refused':
      known.answered.set(line.customer_id, (known.answered.get(line.customer_id) ?? 0) + 1);
      break;
    case 'passed':
      known.answered.set(line.customer_id, (known.answered.get(line.customer_id) ?? 0) + 1);
      known.passed.set(line.id, { customer_id: line.customer_id, at: line.at });
      break;
    case 'lost':
      for (const id of line.ids) known.lost.add(id);
      break;
  }
}
