import { AsyncLocalStorage } from 'node:async_hooks';
import { createChance } from '../chance.ts';

/** One run of the program, from a start to a kill. What it does after its death never happens. */
export class Life {
  isOver = false;
  readonly over: Promise<void>;
  /** Cuts what the process holds: its connections. */
  readonly cuts = new Set<() => void>();
  #end: () => void = () => undefined;

  constructor() {
    this.over = new Promise((resolve) => {
      this.#end = resolve;
    });
  }

  kill(): void {
    this.isOver = true;
    for (const cut of this.cuts) cut();
    this.cuts.clear();
    this.#end();
  }
}

/** Where a process is killed: at its so-manieth call to the outside, before the call leaves or after it had its effect. */
export interface Kill {
  at: number;
  /** Of all calls, of those that change something at Stripe, or of those alone that carry out an intent. */
  among: 'all' | 'changes' | 'intents';
  when: 'before' | 'after';
}

/** Which answer comes after everything else that can happen: of all calls, or of those to Stripe alone. */
export interface Late {
  at: number;
  among: 'all' | 'stripe';
}

interface Task {
  name: string;
  life: Life;
  /** Kept by the edges: whether a transaction of this task is open. */
  inTransaction: boolean;
}

interface Waiting {
  task: Task;
  what: string;
  /** A name that only one holds at a time; the turn waits until it is free. */
  needs: string | null;
  /** Its turn comes when nobody else has one. */
  isLate: boolean;
  go(): void;
}

/** One for each who waits: a promise that all share would hold what every dead process waited with. */
const never = (): Promise<never> => new Promise(() => undefined);
/** An operation that takes longer than this waits for another one's, in the database. */
const blocked_ms = 25;
/** What the name of a call ends with that carries out an intent. */
export const ofIntent = ' of an intent';
const stuck_ms = 20_000;
/** How often it is looked whether a wait has been long enough. */
const tick_ms = 5;

/**
 * Takes turns: of everything the program does at once, one call to the outside is made at a time, and whose is next the seed
 * decides. So calls interleave in ways that no machine's timing would bring, and a seed brings them again.
 */
export class Turns {
  readonly #here = new AsyncLocalStorage<Task>();
  #roll = createChance(1).draw;
  readonly #waiting: Waiting[] = [];
  #running = 0;
  #beats = 0;
  #unfinished = 0;
  /** Calls since the last beginning, by what they are. */
  readonly #made = { all: 0, stripe: 0, changes: 0, intents: 0 };
  /** Who goes first, where one may be kept waiting for long; null where all have the same chance. */
  #ranks: Map<Task, number> | null = null;
  #kill: Kill | null = null;
  #late: Late | null = null;
  #wake: () => void = () => undefined;
  #isDriving = false;
  readonly #outside: Task = { name: 'outside', life: new Life(), inTransaction: false };
  /** Locks of the database and who holds them. */
  readonly held = new Map<string, object>();
  /** Calls to the outside so far. */
  calls = 0;
  kills = 0;

  task(): Task | null {
    return this.#here.getStore() ?? null;
  }

  /** From here on the seed decides; `kill` and `late` count from here. */
  begin(seed: number, kill: Kill | null, late: Late | null = null): void {
    this.#roll = createChance(seed).draw;
    Object.assign(this.#made, { all: 0, stripe: 0, changes: 0, intents: 0 });
    this.#ranks = this.#roll() < 0.5 ? null : new Map();
    this.#kill = kill;
    this.#late = late;
  }

  /** One call to the outside by whoever runs now. Outside of tasks it is made at once. */
  async call<T>(life: Life, what: string, make: () => Promise<T>, needs: string | null = null): Promise<T> {
    if (life.isOver) return await never();
    const task = this.task();
    const kinds = kindsOf(what);
    if (task !== null) {
      await this.#turn(task, what, needs);
      if (life.isOver) return await never();
      this.calls += 1;
      for (const kind of kinds) this.#made[kind] += 1;
    }
    const isNow = (which: Kill | Late | null) =>
      task !== null && which !== null && kinds.includes(which.among) && this.#made[which.among] === which.at;
    const kill = isNow(this.#kill) ? this.#kill : null;
    const isLate = isNow(this.#late);
    if (kill?.when === 'before') {
      this.#strike(life);
      return await never();
    }
    const [outcome] = await this.#run(() => Promise.allSettled([make()]));
    if (kill !== null) this.#strike(life);
    if (isLate && task !== null && !life.isOver) {
      await this.#turn(task, `the answer to ${what}`, null, true);
      await this.#run(() => Promise.resolve());
    }
    if (life.isOver) return await never();
    if (outcome.status === 'fulfilled') return outcome.value;
    throw outcome.reason;
  }

  async #turn(task: Task, what: string, needs: string | null, isLate = false): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#waiting.push({ task, what, needs, isLate, go: resolve });
      this.#beat();
    });
  }

  async #run<T>(make: () => Promise<T>): Promise<T> {
    this.#running += 1;
    this.#beat();
    try {
      return await make();
    } finally {
      this.#running -= 1;
      this.#beat();
    }
  }

  /** A call that is none of the program's: a browser's, Stripe's dashboard's, the passing of time. It takes its turn as well. */
  async aside<T>(what: string, make: () => Promise<T>): Promise<T> {
    if (!this.#isDriving) return await make();
    await this.#turn(this.#outside, what, null);
    return await this.#run(make);
  }

  #strike(life: Life): void {
    this.#kill = null;
    this.kills += 1;
    life.kill();
    this.#beat();
  }

  /** Runs `work` as part of `life`. Resolves to null when the process dies first. */
  async run<T>(life: Life, name: string, work: () => Promise<T>): Promise<T | null> {
    this.#unfinished += 1;
    this.#beat();
    const task: Task = { name, life, inTransaction: false };
    try {
      return await Promise.race([this.#here.run(task, work), life.over.then(() => null)]);
    } finally {
      this.#unfinished -= 1;
      this.#beat();
    }
  }

  /** Gives turns until `tasks` have all ended. */
  async drive(tasks: readonly Promise<unknown>[]): Promise<void> {
    let isDone = false;
    this.#isDriving = true;
    const done = Promise.allSettled(tasks).then(() => {
      isDone = true;
      this.#beat();
    });
    const ticking = setInterval(() => this.#wake(), tick_ms);
    let idleSince = performance.now();
    while (!isDone) {
      await this.#quiet();
      const next = this.#choose();
      if (next !== null) {
        idleSince = performance.now();
        const before = this.#running;
        next.go();
        await this.#until(() => this.#running > before || next.task.life.isOver, blocked_ms);
        await this.#until(() => this.#running <= before, blocked_ms);
        continue;
      }
      if (performance.now() - idleSince > stuck_ms) {
        clearInterval(ticking);
        const waiting = this.#waiting.map(({ task, what }) => `${task.name}: ${what}`).join('; ');
        throw new Error(`Nothing moves: ${this.#unfinished} tasks, waiting ${waiting}`);
      }
      if (!isDone) await this.#until(() => isDone, 5, true);
    }
    clearInterval(ticking);
    await done;
    this.#isDriving = false;
  }

  #choose(): Waiting | null {
    for (let index = this.#waiting.length - 1; index >= 0; index -= 1)
      if (this.#waiting[index]?.task.life.isOver === true) this.#waiting.splice(index, 1)[0]?.go();
    const able = this.#waiting.filter(({ needs }) => needs === null || !this.held.has(needs));
    const prompt = able.filter(({ isLate }) => !isLate);
    const fit = prompt.length > 0 ? prompt : able;
    const chosen = this.#ranks === null ? fit[Math.floor(this.#roll() * fit.length)] : this.#first(fit, this.#ranks);
    if (chosen === undefined) return null;
    this.#waiting.splice(this.#waiting.indexOf(chosen), 1);
    return chosen;
  }

  /** The first by rank; now and then a rank is drawn anew. So a slow one is overtaken by everything others do. */
  #first(fit: readonly Waiting[], ranks: Map<Task, number>): Waiting | undefined {
    for (const { task } of fit) if (!ranks.has(task) || this.#roll() < 0.02) ranks.set(task, this.#roll());
    return fit.toSorted((a, b) => (ranks.get(b.task) ?? 0) - (ranks.get(a.task) ?? 0))[0];
  }

  /** Until whoever can go on without the outside has done so. */
  async #quiet(): Promise<void> {
    for (let seen = -1; seen !== this.#beats;) {
      seen = this.#beats;
      await new Promise<void>((resolve) => setImmediate(resolve));
    }
  }

  #beat(): void {
    this.#beats += 1;
    this.#wake();
  }

  /** Until it holds, or for so long; with `any`, until anything moves. */
  async #until(holds: () => boolean, most_ms: number, any = false): Promise<void> {
    const end = performance.now() + most_ms;
    const seen = this.#beats;
    while (!holds() && performance.now() < end && !(any && this.#beats !== seen))
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    this.#wake = () => undefined;
  }
}

/** What a call is counted as. */
function kindsOf(what: string): ('all' | 'stripe' | 'changes' | 'intents')[] {
  if (!/^(GET|POST|DELETE) /.test(what)) return ['all'];
  if (!what.startsWith('POST ')) return ['all', 'stripe'];
  return what.endsWith(ofIntent) ? ['all', 'stripe', 'changes', 'intents'] : ['all', 'stripe', 'changes'];
}
