import fc from 'fast-check';
import { type Outage, strikes } from './edges.ts';
import type { Kill, Late } from './turns.ts';

/** What somebody does: the customer, the seller, somebody in Stripe's dashboard, or time. Plain data, which a failure shrinks to. */
export type Deed =
  | { do: 'buy'; plan: number; card: number; code: number | null; asks: boolean; returns: boolean }
  | { do: 'begin'; plan: number; sent: boolean; code: number | null }
  | { do: 'change'; plan: number; seats: number; when: number }
  | { do: 'seats'; seats: number }
  | { do: 'undo' }
  | { do: 'cancel'; now: boolean; gives_back: boolean }
  | { do: 'resume' }
  | { do: 'pause' }
  | { do: 'unpause' }
  | { do: 'trial'; days: number | null }
  | { do: 'coupon'; code: number }
  | { do: 'card'; card: number }
  | { do: 'authenticate'; passes: boolean }
  | { do: 'retry' }
  | { do: 'refund'; permille: number; to: number }
  | { do: 'close_dispute'; won: boolean }
  | { do: 'clock'; seconds: number }
  | { do: 'look' }
  | { do: 'sweep'; which: number }
  | { do: 'dashboard'; edit: number; amount: number };

/** What happens on the way. */
export interface Mishaps {
  /** Decides whose turn it is, what is delivered and how often. */
  seed: number;
  /** Workers of jobs beside the request. */
  workers: number;
  /** How much of what waits is delivered, in thirds. */
  delivers: number;
  /** The same request twice at once. */
  twice: boolean;
  outage: Outage | null;
  kill: Kill | null;
  late: Late | null;
  /** Stripe's events are delivered as they are made, while the request is under way. */
  prompt: boolean;
  /** After it nobody does anything for more than a day, and what was not finished waits. */
  rests: boolean;
}

export type Command = Deed & Mishaps;

export const losses = ['none', 'some', 'the last'] as const;
export type Loss = (typeof losses)[number];

export interface Sequence {
  commands: Command[];
  /** Which events never come: none, some of them, or all since the last command, with everything before it settled. */
  loses: Loss;
}

export const plans = ['starter', 'pro', 'team', 'tried', 'free'] as const;
export const codes = ['TENOFF', 'HALFONCE'] as const;
export const cards = [
  { name: 'good', number: '4242424242424242', literal: 'pm_card_visa' },
  { name: 'declined later', number: '4000000000000341', literal: 'pm_card_chargeCustomerFail' },
  { name: 'declined', number: '4000000000000002', literal: 'pm_card_chargeDeclined' },
  { name: 'asks the bank', number: '4000002760003184', literal: 'pm_card_authenticationRequired' },
  { name: 'disputed', number: '4000000000000259', literal: 'pm_card_createDispute' },
] as const;
export const dashboardEdits = [
  'another quantity',
  'another plan',
  'cancel now',
  'cancel at the end',
  'pause',
  'resume',
  'discount',
  'refund',
  'void an invoice',
  'uncollectible',
  'pay an invoice',
  'balance',
  'second subscription',
  'delete the customer',
  'pause collection',
  'delete a draft',
  'detach the card',
] as const;
export type DashboardEdit = (typeof dashboardEdits)[number];
export const sweeps = ['sweep', 'backfill', 'reconcile'] as const;

const hour = 3_600;
const day = 86_400;
/** Around what is due: the draft hour, lapses, retries, a period. */
const edges = [hour, 23 * hour, 3 * day, 5 * day, 7 * day, 14 * day, 28 * day, 31 * day].flatMap((at) => [
  at - 1,
  at,
  at + 1,
]);

const rare = <T>(value: fc.Arbitrary<T>, freq: number) => fc.option(value, { freq, nil: null });
/** One in `of`. */
const seldom = (of: number) => fc.nat(of - 1).map((lot) => lot === of - 1);
const plan = fc.nat(plans.length - 1);
const card = fc.oneof({ weight: 5, arbitrary: fc.constant(0) }, { weight: 4, arbitrary: fc.nat(cards.length - 1) });
const code = rare(fc.nat(codes.length - 1), 2);

const failure = {
  count: fc.oneof({ weight: 4, arbitrary: fc.constant(1) }, { weight: 1, arbitrary: fc.integer({ min: 2, max: 9 }) }),
  how: fc.constantFrom(...strikes),
};
const when = fc.constantFrom('before' as const, 'after' as const);
const ways = fc.record<Omit<Mishaps, 'rests'> & { lot: number }>({
  seed: fc.nat(0xffff),
  workers: fc.integer({ min: 0, max: 4 }),
  delivers: fc.nat(3),
  twice: seldom(5),
  prompt: fc.boolean(),
  lot: fc.nat(7),
  outage: rareLater(
    fc.oneof(
      fc.record({ among: fc.constant('all' as const), at: fc.integer({ min: 1, max: 14 }), ...failure }),
      // What changes something is where a lost answer hurts.
      fc.record({ among: fc.constant('changes' as const), at: fc.integer({ min: 1, max: 3 }), ...failure }),
      fc.record({ among: fc.constant('intents' as const), at: fc.integer({ min: 1, max: 2 }), ...failure }),
    ),
    3,
  ),
  kill: rareLater(
    fc.oneof(
      fc.record({ among: fc.constant('all' as const), at: fc.integer({ min: 1, max: 150 }), when }),
      fc.record({ among: fc.constant('changes' as const), at: fc.integer({ min: 1, max: 3 }), when }),
      fc.record({ among: fc.constant('intents' as const), at: fc.integer({ min: 1, max: 2 }), when }),
    ),
    5,
  ),
  late: rareLater(
    fc.oneof(
      fc.record({ among: fc.constant('all' as const), at: fc.integer({ min: 1, max: 100 }) }),
      // Most of these are a reading's: it is old when it is written.
      fc.record({ among: fc.constant('stripe' as const), at: fc.integer({ min: 1, max: 12 }) }),
      fc.record({ among: fc.constant('stripe' as const), at: fc.integer({ min: 1, max: 12 }) }),
    ),
    2,
  ),
});

/** One in eight rests; one in two of those where the answer to an intent may be lost, which then is repeated under another key. */
const mishaps = ways.map(({ lot, ...way }): Mishaps => {
  const mayBeLost = way.outage?.among === 'intents' || way.kill?.among === 'intents';
  return { ...way, rests: lot === 7 || (mayBeLost && lot > 3) };
});

/** Null but for one in `of`; shrinks to null. */
function rareLater<T>(value: fc.Arbitrary<T>, of: number): fc.Arbitrary<T | null> {
  return fc.oneof({ weight: of - 1, arbitrary: fc.constant(null) }, { weight: 1, arbitrary: value });
}

function deed<K extends Deed['do']>(name: K, fields: object = {}): fc.Arbitrary<Command> {
  return fc.tuple(fc.record({ do: fc.constant(name), ...fields }), mishaps).map(([what, way]) => ({
    ...(what as Deed),
    ...way,
  }));
}

const buy = deed('buy', { plan, card, code, asks: fc.boolean(), returns: fc.boolean() });
const begin = deed('begin', { plan, sent: seldom(4), code });
const others: [number, fc.Arbitrary<Command>][] = [
  [3, buy],
  [3, begin],
  [6, deed('change', { plan, seats: fc.integer({ min: 1, max: 9 }), when: fc.nat(2) })],
  [3, deed('seats', { seats: fc.integer({ min: 1, max: 9 }) })],
  [1, deed('undo')],
  [3, deed('cancel', { now: fc.boolean(), gives_back: fc.boolean() })],
  [2, deed('resume')],
  [2, deed('pause')],
  [2, deed('unpause')],
  [2, deed('trial', { days: rare(fc.integer({ min: 1, max: 60 }), 2) })],
  [2, deed('coupon', { code: fc.nat(codes.length - 1) })],
  [2, deed('card', { card: fc.nat(cards.length - 1) })],
  [2, deed('authenticate', { passes: fc.boolean() })],
  [2, deed('retry')],
  [4, deed('refund', { permille: fc.integer({ min: 1, max: 1000 }), to: fc.nat(2) })],
  [1, deed('close_dispute', { won: fc.boolean() })],
  [
    6,
    deed('clock', {
      seconds: fc.oneof(
        fc.constantFrom(...edges),
        fc.integer({ min: 1, max: 2 * hour }),
        fc.integer({ min: day, max: 45 * day }),
      ),
    }),
  ],
  [1, deed('look')],
  [2, deed('sweep', { which: fc.nat(sweeps.length - 1) })],
  [8, deed('dashboard', { edit: fc.nat(dashboardEdits.length - 1), amount: fc.integer({ min: 1, max: 9 }) })],
];

/** What is sure to change something of a subscription that is paid. */
const telling = (
  ['another quantity', 'another plan', 'cancel at the end', 'cancel now', 'pause collection', 'discount'] as const
).map((edit) => dashboardEdits.indexOf(edit));
const changing = fc.oneof(
  deed('dashboard', { edit: fc.constantFrom(...telling), amount: fc.integer({ min: 1, max: 9 }) }),
  deed('cancel', { now: fc.boolean(), gives_back: fc.boolean() }),
);
const paid = deed('buy', { plan, card: fc.constant(0), code, asks: fc.boolean(), returns: fc.boolean() });
const other = fc.oneof(...others.map(([weight, arbitrary]) => ({ weight, arbitrary })));
/** Mostly short: what goes wrong does so within few steps, and more of them are played. */
const rest = fc.oneof(
  { weight: 6, arbitrary: fc.array(other, { minLength: 1, maxLength: 2 }) },
  { weight: 3, arbitrary: fc.array(other, { minLength: 2, maxLength: 4 }) },
  { weight: 1, arbitrary: fc.array(other, { minLength: 4, maxLength: 8 }) },
);

const first = fc.oneof({ weight: 4, arbitrary: buy }, { weight: 1, arbitrary: begin });

const lived: fc.Arbitrary<Sequence> = fc
  .tuple(first, rest, fc.constantFrom<Loss>('none', 'none', 'some', 'the last'))
  .map(([one, more, loses]) => ({ commands: [one, ...more], loses }));

/**
 * Two readings that pass each other, with no event after them that would look again: what the purchase told comes while something
 * else is changed, that is told at once, and the answer to one of the readings comes after everything else.
 */
const passing: fc.Arbitrary<Sequence> = fc
  .record({
    one: paid,
    change: changing,
    at: fc.integer({ min: 1, max: 16 }),
    workers: fc.integer({ min: 2, max: 4 }),
  })
  .map(({ one, change, at, workers }) => {
    const calm = { twice: false, outage: null, kill: null, rests: false, workers };
    const late = { among: 'stripe' as const, at };
    return {
      commands: [
        { ...one, ...calm, late: null, delivers: 0, prompt: false },
        { ...change, ...calm, late, delivers: 3, prompt: true },
      ],
      loses: 'none',
    };
  });

/** A purchase, and whatever then happens. */
export const sequences: fc.Arbitrary<Sequence> = fc.oneof(
  { weight: 4, arbitrary: lived },
  { weight: 1, arbitrary: passing },
);

/** One line a reader understands. */
export function say({ seed, workers, delivers, twice, outage, kill, late, prompt, rests, ...what }: Command): string {
  const details = Object.entries(what).map(([name, value]) => {
    if (name === 'do') return String(value);
    if (name === 'plan') return `plan=${plans[Number(value)]}`;
    if (name === 'card') return `card=${cards[Number(value)]?.name}`;
    if (name === 'code') return value === null ? '' : `code=${codes[Number(value)]}`;
    if (name === 'edit') return String(dashboardEdits[Number(value)]);
    if (name === 'which') return String(sweeps[Number(value)]);
    return typeof value === 'boolean' ? (value ? name : '') : `${name}=${String(value)}`;
  });
  const way = [
    twice ? 'twice at once' : '',
    outage === null ? '' : `Stripe fails ${outage.how} at call ${outage.at} of ${outage.among} ×${outage.count}`,
    kill === null ? '' : `killed ${kill.when} call ${kill.at} of ${kill.among}`,
    late === null ? '' : `the answer to call ${late.at} of ${late.among} comes last`,
    prompt ? 'events at once' : '',
    rests ? 'then a day passes' : '',
    `${workers} workers, ${delivers}/3 delivered, seed ${seed}`,
  ];
  return `${details.filter(Boolean).join(' ')}   [${way.filter(Boolean).join('; ')}]`;
}
