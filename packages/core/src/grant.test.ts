import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Grant, byUse, drawCredit, holdCredit, isUsable, unusedOf } from './grant.ts';

const usual: Grant = {
  id: 'cgrt_1',
  remaining_minor: 100,
  category: 'paid',
  priority: 50,
  effective_at: 0,
  expires_at: null,
  meter_ids: null,
  created_at: 0,
};
const grant = (id: string, more: Partial<Grant> = {}): Grant => ({ ...usual, id, ...more });

describe('which credit is used first', () => {
  test.each<[string, Partial<Grant>, Partial<Grant>]>([
    ['the lower priority', { priority: 10, expires_at: null }, { priority: 11, expires_at: 5 }],
    ['what expires sooner', { expires_at: 5, category: 'paid' }, { expires_at: 6, category: 'promotional' }],
    ['what expires before what never does', { expires_at: 5 }, { expires_at: null }],
    ['what was given before what was bought', { category: 'promotional', effective_at: 9 }, { effective_at: 1 }],
    ['what began earlier', { effective_at: 1, created_at: 9 }, { effective_at: 2, created_at: 1 }],
    ['what was made earlier', { created_at: 1 }, { created_at: 2 }],
  ])('%s', (_, first, second) => {
    const grants = [grant('b', second), grant('c', first)];
    expect(grants.toSorted(byUse).map(({ id }) => id)).toEqual(['c', 'b']);
    expect(
      grants
        .toReversed()
        .toSorted(byUse)
        .map(({ id }) => id),
    ).toEqual(['c', 'b']);
  });
});

describe('paying from credit', () => {
  test('a charge is paid by several grants, and a grant pays several charges', () => {
    const draws = drawCredit(
      [grant('a', { remaining_minor: 30 }), grant('b', { remaining_minor: 50, priority: 60 })],
      [
        { meter_id: 'calls', amount_minor: 40 },
        { meter_id: 'bytes', amount_minor: 100 },
      ],
      1,
    );
    expect(draws).toEqual([
      { grant_id: 'a', meter_id: 'calls', amount_minor: 30 },
      { grant_id: 'b', meter_id: 'calls', amount_minor: 10 },
      { grant_id: 'b', meter_id: 'bytes', amount_minor: 40 },
    ]);
  });

  test('a grant counts from its beginning up to and not including its end, for its own meters', () => {
    const some = grant('a', { effective_at: 10, expires_at: 20 });
    expect([9, 10, 19, 20].map((at) => isUsable(some, at))).toEqual([false, true, true, false]);
    const calls = grant('b', { meter_ids: ['calls'] });
    expect(drawCredit([calls], [{ meter_id: 'bytes', amount_minor: 5 }], 1)).toEqual([]);
  });

  const anyGrant = fc.record({
    remaining_minor: fc.nat(1000),
    category: fc.constantFrom('paid' as const, 'promotional' as const),
    priority: fc.nat(3),
    effective_at: fc.nat(5),
    expires_at: fc.option(fc.nat(10)),
    meter_ids: fc.option(fc.subarray(['a', 'b', 'c'])),
    created_at: fc.nat(3),
  });
  const anyCharges = fc
    .subarray(['a', 'b', 'c'])
    .chain((ids) =>
      fc.tuple(...ids.map((meter_id) => fc.record({ meter_id: fc.constant(meter_id), amount_minor: fc.nat(1500) }))),
    );

  test('never more than is owed or there is; nothing owed while credit for it is left; in whatever order it is read', () => {
    fc.assert(
      fc.property(fc.array(anyGrant, { maxLength: 6 }), anyCharges, fc.nat(10), (some, charges, at) => {
        const grants = some.map((each, index) => ({ ...each, id: `g${index}` }));
        const draws = drawCredit(grants, charges, at);
        expect(drawCredit(grants.toReversed(), charges, at)).toEqual(draws);
        const sum = (of: typeof draws) => of.reduce((total, { amount_minor }) => total + amount_minor, 0);
        for (const each of grants) {
          const drawn = draws.filter(({ grant_id }) => grant_id === each.id);
          expect(sum(drawn)).toBeLessThanOrEqual(each.remaining_minor);
          if (drawn.length > 0) expect(isUsable(each, at)).toBe(true);
          for (const { meter_id } of drawn) expect(each.meter_ids?.includes(meter_id) ?? true).toBe(true);
        }
        for (const { meter_id, amount_minor } of charges) {
          const paid = sum(draws.filter((draw) => draw.meter_id === meter_id));
          expect(paid).toBeLessThanOrEqual(amount_minor);
          if (paid === amount_minor) continue;
          for (const each of grants) {
            const isFor = isUsable(each, at) && (each.meter_ids?.includes(meter_id) ?? true);
            if (isFor) expect(sum(draws.filter(({ grant_id }) => grant_id === each.id))).toBe(each.remaining_minor);
          }
        }
      }),
      { numRuns: 2000 },
    );
  });
});

describe('holding', () => {
  const grant = (id: string, remaining_minor: number, more: Partial<Grant> = {}): Grant => ({
    id,
    remaining_minor,
    category: 'paid',
    priority: 50,
    effective_at: 0,
    expires_at: null,
    meter_ids: null,
    created_at: 0,
    ...more,
  });
  const sum = (draws: readonly { amount_minor: number }[]) =>
    draws.reduce((total, each) => total + each.amount_minor, 0);

  test.each<[string, Grant[], number, string | null, number]>([
    ['all of it', [grant('a', 100)], 100, null, 100],
    ['as much as there is', [grant('a', 100)], 130, null, 100],
    ['of several', [grant('a', 100), grant('b', 50)], 130, null, 130],
    ['credit for another meter is not for it', [grant('a', 100, { meter_ids: ['maps'] })], 10, null, 0],
    ['credit for its meter is', [grant('a', 100, { meter_ids: ['maps'] })], 10, 'maps', 10],
    ['what is over is of no use', [grant('a', 100, { expires_at: 5 })], 10, null, 0],
  ])('%s', (_, grants, amount_minor, meter_id, held) => {
    expect(sum(holdCredit(grants, [], { amount_minor, meter_id }, 10))).toBe(held);
  });

  test('what usage so far will take is not held', () => {
    const running = [{ meter_id: 'requests', amount_minor: 70 }];
    expect(sum(holdCredit([grant('a', 100)], running, { amount_minor: 50, meter_id: null }, 0))).toBe(30);
  });

  test('whatever is held and used, held and usage together are at most what there is, and unused and used are what was held', () => {
    const amounts = fc.array(fc.nat({ max: 200 }), { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(
        amounts,
        fc.nat({ max: 900 }),
        fc.nat({ max: 900 }),
        fc.nat({ max: 900 }),
        (left, usage, wish, used) => {
          const grants = left.map((amount, index) => grant(`g${index}`, amount));
          const running = [{ meter_id: 'requests', amount_minor: usage }];
          const held = holdCredit(grants, running, { amount_minor: wish, meter_id: null }, 0);
          expect(sum(held)).toBe(
            Math.min(wish, Math.max(0, sum(left.map((amount_minor) => ({ amount_minor }))) - usage)),
          );
          for (const { grant_id, amount_minor } of held)
            expect(amount_minor).toBeLessThanOrEqual(grants.find(({ id }) => id === grant_id)?.remaining_minor ?? 0);
          expect(sum(unusedOf(held, used))).toBe(Math.max(0, sum(held) - used));
        },
      ),
    );
  });
});
