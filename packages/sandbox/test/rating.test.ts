import fc from 'fast-check';
import { expect, test } from 'vitest';
import { decimalOf, fractionOf, sumOf } from '../src/billing/exact.ts';
import { type Rated, rateUsage } from '../src/billing/rating.ts';
import { formatUnitAmount } from '../src/billing/money.ts';
import vectors from '../vectors/usage.json' with { type: 'json' };

const total = (lines: { amount: number }[]): number => lines.reduce((sum, line) => sum + line.amount, 0);

test('tiers and packages cost what the vectors say, line by line', () => {
  const { tiers } = vectors;
  for (const tiers_mode of ['graduated', 'volume'] as const) {
    const { quantity, lines, total: sum } = vectors[tiers_mode];
    const rated = rateUsage({ tiers, tiers_mode, unit_amount_decimal: null }, quantity);
    expect([rated.map((line) => line.amount), total(rated)]).toEqual([lines, sum]);
  }
  for (const { quantity, divide_by, round, unit_amount, units, amount } of vectors.packages) {
    const rule = { divide_by, round: round as 'down' | 'up' };
    const price: Rated = { tiers: null, tiers_mode: null, unit_amount_decimal: unit_amount, transform_quantity: rule };
    expect(rateUsage(price, quantity)).toMatchObject([{ quantity: units, amount }]);
  }
});

test('flat amounts are lines of their own, and nothing costs nothing', () => {
  const tiers = [
    { up_to: 10, unit_amount_decimal: '2', flat_amount_decimal: '500' },
    { up_to: null, unit_amount_decimal: '1', flat_amount_decimal: '300' },
  ];
  const graduated: Rated = { tiers, tiers_mode: 'graduated', unit_amount_decimal: null };
  expect(rateUsage(graduated, '12').map(({ kind, tier, amount }) => [kind, tier, amount])).toEqual([
    ['units', 1, 20],
    ['flat', 1, 500],
    ['units', 2, 2],
    ['flat', 2, 300],
  ]);
  expect(total(rateUsage(graduated, '10'))).toBe(520);
  expect(total(rateUsage({ ...graduated, tiers_mode: 'volume' }, '11'))).toBe(311);
  for (const nothing of ['0', '-3']) expect(total(rateUsage(graduated, nothing))).toBe(0);
  expect(formatUnitAmount('0.08', 'usd')).toBe('$0.0008');
});

const micro = fc.integer({ min: 0, max: 3_000_000 });
const money = micro.map((millionths) => decimalOf({ n: BigInt(millionths), d: 1_000_000n }));
const tierTable = fc
  .array(fc.record({ size: fc.integer({ min: 1, max: 60 }), unit: money, flat: fc.option(money) }), {
    minLength: 1,
    maxLength: 5,
  })
  .map((rows) => {
    let up_to = 0;
    return rows.map(({ size, unit, flat }, index) => {
      up_to += size;
      const bound = index === rows.length - 1 ? null : up_to;
      return { up_to: bound, unit_amount_decimal: unit, flat_amount_decimal: flat };
    });
  });

/** Every unit on its own: what it costs in its tier, in trillionths of a minor unit. */
function unitByUnit(price: Rated, quantity: number): bigint {
  const exact = (decimal: string | null): bigint => {
    const { n, d } = fractionOf(decimal ?? '0');
    return (n * 10n ** 12n) / d;
  };
  const tierOf = (unit: number): number => (price.tiers ?? []).findIndex((t) => t.up_to === null || unit <= t.up_to);
  const reached = new Set<number>();
  let sum = 0n;
  for (let unit = 1; unit <= quantity; unit += 1) {
    const tier = tierOf(price.tiers_mode === 'volume' ? quantity : unit);
    if (!reached.has(tier)) sum += exact(price.tiers?.[tier]?.flat_amount_decimal ?? null);
    reached.add(tier);
    sum += exact(price.tiers?.[tier]?.unit_amount_decimal ?? null);
  }
  return sum;
}

test('rating equals counting unit by unit, with one rounding per line', () => {
  const modes = fc.constantFrom('graduated' as const, 'volume' as const);
  fc.assert(
    fc.property(tierTable, modes, fc.integer({ min: 0, max: 300 }), (tiers, tiers_mode, quantity) => {
      const price: Rated = { tiers, tiers_mode, unit_amount_decimal: null };
      const lines = rateUsage(price, String(quantity));
      const off = BigInt(total(lines)) * 10n ** 12n - unitByUnit(price, quantity);
      const most = (BigInt(lines.length) * 10n ** 12n) / 2n;
      expect(off <= most && off >= -most).toBe(true);
      const units = lines.filter((line) => line.kind === 'units').map((line) => line.quantity);
      expect(sumOf(units)).toBe(String(quantity));
    }),
  );
});

test('whole prices have nothing to round: rating and counting agree to the unit', () => {
  const whole = tierTable.map((tiers) =>
    tiers.map((tier) => ({
      up_to: tier.up_to,
      unit_amount_decimal: tier.unit_amount_decimal.split('.')[0] ?? '0',
      flat_amount_decimal: tier.flat_amount_decimal?.split('.')[0] ?? null,
    })),
  );
  fc.assert(
    fc.property(whole, fc.boolean(), fc.integer({ min: 0, max: 300 }), (tiers, is_volume, quantity) => {
      const price: Rated = { tiers, tiers_mode: is_volume ? 'volume' : 'graduated', unit_amount_decimal: null };
      expect(BigInt(total(rateUsage(price, String(quantity)))) * 10n ** 12n).toBe(unitByUnit(price, quantity));
    }),
  );
});
