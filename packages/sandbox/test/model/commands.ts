import fc from 'fast-check';

/** What can be done, as plain data: a sequence of these is what a run is made of, and what a failure shrinks to. */
export type Command = { mishap: Mishap } & (
  | {
      do: 'subscribe';
      items: [number, number][];
      behavior: number;
      trial: number | null;
      coupon: number | null;
      tax: number;
    }
  | {
      do: 'change';
      price: number;
      quantity: number;
      adds: number | null;
      removes: boolean;
      proration: number;
      behavior: number;
      dated: number | null;
      anchor: boolean;
    }
  | { do: 'trial'; days: number | null; proration: number }
  | { do: 'coupon'; coupon: number | null }
  | { do: 'cancel'; prorate: boolean; invoice_now: boolean }
  | { do: 'cancel_at_end'; wanted: boolean }
  | { do: 'collection'; behavior: number | null }
  | { do: 'pause' }
  | { do: 'resume' }
  | { do: 'invoice_item'; amount: number }
  | { do: 'use'; value: number }
  | { do: 'grant'; amount: number }
  | { do: 'balance'; amount: number }
  | { do: 'card'; card: number }
  | { do: 'pay'; which: number; card: number }
  | { do: 'void'; which: number }
  | { do: 'uncollectible'; which: number }
  | { do: 'credit_note'; which: number; permille: number }
  | { do: 'refund'; which: number; permille: number }
  | { do: 'wait'; seconds: number }
);

/** What happens to a request on its way. Whatever it is, the effect is that of one request. */
export type Mishap = 'cut_after' | 'cut_before' | 'none' | 'repeated' | 'server_error';

export const behaviors = [
  'allow_incomplete',
  'default_incomplete',
  'error_if_incomplete',
  'pending_if_incomplete',
] as const;
export const prorations = ['always_invoice', 'create_prorations', 'none'] as const;
export const collections = ['keep_as_draft', 'mark_uncollectible', 'void'] as const;
export const cards = ['good', 'bad', 'asks'] as const;

const mishap: fc.Arbitrary<Mishap> = fc.oneof(
  { weight: 8, arbitrary: fc.constant('none' as const) },
  {
    weight: 2,
    arbitrary: fc.constantFrom(
      'cut_after' as const,
      'cut_before' as const,
      'repeated' as const,
      'server_error' as const,
    ),
  },
);

const coupon = fc.option(fc.nat(4), { freq: 3 });
/** Just before, at and just after the times at which something is due: an hour, 23 hours, a retry, an announcement. */
const edges = [3_600, 23 * 3_600, 3 * 86_400, 5 * 86_400, 7 * 86_400].flatMap((at) => [at - 1, at, at + 1]);
const wait = fc.oneof(
  { weight: 2, arbitrary: fc.constantFrom(...edges) },
  { weight: 3, arbitrary: fc.integer({ min: 0, max: 7_200 }) },
  { weight: 3, arbitrary: fc.integer({ min: 1, max: 12 * 86_400 }) },
  { weight: 2, arbitrary: fc.integer({ min: 20 * 86_400, max: 45 * 86_400 }) },
);

function command<K extends Command['do']>(name: K, fields: object = {}): fc.Arbitrary<Command> {
  return fc.record({ do: fc.constant(name), mishap, ...fields }) as fc.Arbitrary<Command>;
}

const which = fc.nat(3);

export const subscribe = command('subscribe', {
  items: fc.uniqueArray(fc.tuple(fc.nat(4), fc.integer({ min: 1, max: 9 })), {
    minLength: 1,
    maxLength: 3,
    selector: ([price]) => price,
  }),
  behavior: fc.nat(2),
  trial: fc.option(fc.integer({ min: 1, max: 40 }), { freq: 4 }),
  coupon,
  tax: fc.nat(2),
});

const change = command('change', {
  price: fc.nat(4),
  quantity: fc.integer({ min: 0, max: 9 }),
  adds: fc.option(fc.nat(4)),
  removes: fc.boolean(),
  proration: fc.nat(2),
  behavior: fc.nat(3),
  dated: fc.option(fc.nat(999), { freq: 2 }),
  anchor: fc.integer({ min: 0, max: 4 }).map((each) => each === 0),
});

const others: [number, fc.Arbitrary<Command>][] = [
  [10, change],
  [2, subscribe],
  [2, command('trial', { days: fc.option(fc.integer({ min: 1, max: 20 })), proration: fc.nat(2) })],
  [2, command('coupon', { coupon })],
  [1, command('cancel', { prorate: fc.boolean(), invoice_now: fc.boolean() })],
  [2, command('cancel_at_end', { wanted: fc.boolean() })],
  [2, command('collection', { behavior: fc.option(fc.nat(2)) })],
  [1, command('pause')],
  [2, command('resume')],
  [2, command('invoice_item', { amount: fc.integer({ min: -9_999, max: 9_999 }) })],
  [3, command('use', { value: fc.integer({ min: 1, max: 99_999 }) })],
  [1, command('grant', { amount: fc.integer({ min: 1, max: 50_000 }) })],
  [1, command('balance', { amount: fc.integer({ min: -20_000, max: 20_000 }) })],
  [3, command('card', { card: fc.nat(2) })],
  [3, command('pay', { which, card: fc.nat(2) })],
  [1, command('void', { which })],
  [1, command('uncollectible', { which })],
  [2, command('credit_note', { which, permille: fc.integer({ min: 1, max: 1_000 }) })],
  [1, command('refund', { which, permille: fc.integer({ min: 1, max: 1_000 }) })],
  [12, command('wait', { seconds: wait })],
];

/** A card, a subscription, and whatever then happens. */
export const sequence: fc.Arbitrary<Command[]> = fc
  .tuple(
    fc.constantFrom(0, 0, 0, 1, 2),
    subscribe,
    fc.array(fc.oneof(...others.map(([weight, arbitrary]) => ({ weight, arbitrary }))), {
      minLength: 3,
      maxLength: 8,
    }),
  )
  .map(([card, first, rest]) => [{ do: 'card', card, mishap: 'none' }, first, ...rest]);
