import { createChance } from '../chance.ts';
import type { Loss } from './commands.ts';
import type { World } from './world.ts';

interface StripeEvent {
  id: string;
  type: string;
  data: { object: { id?: string; object: string; status?: string } };
}

/** An event on its way: how often it is still to come. */
interface Letter {
  id: string;
  text: string;
  left: number;
  arrived: boolean;
}

/** Stripe's events between the sandbox and the program: each comes 0 to 10 times, in any order, late. */
export class Post {
  readonly #world: World;
  readonly #loses: Loss;
  #letters: Letter[] = [];
  #last: string | null = null;
  /** Statuses that Stripe ever told of each subscription. */
  readonly statuses = new Map<string, Set<string>>();
  lost = 0;
  /** From here on nothing is delivered. */
  isDown = false;

  constructor(world: World, loses: Loss) {
    this.#world = world;
    this.#loses = loses;
  }

  /** What was there before nobody is told. */
  async begin(): Promise<void> {
    const [newest] = await this.#world.list<StripeEvent>('/v1/events', { limit: 1 });
    this.#last = newest?.id ?? null;
  }

  /** Fetches what happened since, and decides how often each is delivered. Answers what is to be. */
  async collect(roll: () => number): Promise<Letter[]> {
    const fresh: Letter[] = [];
    if (!this.#world.takeNews()) return fresh;
    for (;;) {
      const { json } = await this.#world.stripe<{ data: StripeEvent[]; has_more: boolean }>('GET', '/v1/events', {
        limit: 100,
        ...(this.#last === null ? {} : { ending_before: this.#last }),
      });
      this.#last = json.data[0]?.id ?? this.#last;
      for (const event of json.data.toReversed()) {
        const { object } = event.data;
        if (object.object === 'subscription') {
          const known = this.statuses.get(object.id ?? '') ?? new Set();
          this.statuses.set(object.id ?? '', known.add(object.status ?? ''));
        }
        this.#world.count('events');
        const left = this.isDown ? 0 : copies(roll(), roll(), this.#loses === 'some');
        if (left === 0) {
          this.lost += 1;
          this.#world.count('lost');
        } else fresh.push({ id: event.id, text: JSON.stringify(event), left, arrived: false });
      }
      if (json.has_more) continue;
      this.#letters.push(...fresh);
      return fresh;
    }
  }

  /** Some of what waits, in any order; what is not taken comes again. */
  batch(share: number, roll: () => number): Letter[] {
    const chosen: Letter[] = [];
    for (let left = Math.ceil(this.#letters.length * share); left > 0; left -= 1) {
      const letter = this.#letters[Math.floor(roll() * this.#letters.length)];
      if (letter !== undefined) chosen.push(letter);
    }
    return chosen;
  }

  async deliver(letter: Letter): Promise<void> {
    if (letter.left === 0 && letter.arrived) return;
    const isTaken = await this.#world.deliver(letter);
    letter.arrived ||= isTaken;
    if (isTaken) letter.left -= 1;
    if (letter.left <= 0 && letter.arrived) this.#letters = this.#letters.filter((each) => each !== letter);
  }

  get waiting(): number {
    return this.#letters.length;
  }

  /** Everything that waits, as often as it is still to come. */
  rest(seed: number): Letter[] {
    const roll = createChance(seed).draw;
    const all = this.#letters.flatMap((letter) => Array.from({ length: letter.left }, () => ({ letter, at: roll() })));
    return all.toSorted((a, b) => a.at - b.at).map(({ letter }) => letter);
  }
}

/** Mostly once; none only where events are lost. */
function copies(lot: number, many: number, loses: boolean): number {
  if (loses && lot < 0.25) return 0;
  if (lot < 0.75) return 1;
  return lot < 0.95 ? 2 : 3 + Math.floor(many * 8);
}
