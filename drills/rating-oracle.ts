import type { PricedUsage, UsagePrice } from '../packages/core/src/index.ts';
import type { Chance } from './chance.ts';

/** What so many units of a plan cost. Shares nothing with the rules that it is an oracle of. */
export function ratedByUnit({ included, overage }: PricedUsage, quantity: number): number {
  return overage === null ? 0 : countByUnit(overage, quantity - included).amount;
}

/** What each unit costs by the tier it lies in, added up per tier; a tier's sum is rounded once, halves up. */
export function countByUnit(price: UsagePrice, units: number): { amount: number; exact: number } {
  const sums = new Map<number, number>();
  const tiers = price.type === 'graduated' || price.type === 'volume' ? price.tiers : [];
  for (let unit = 1; unit <= units; unit += 1) {
    const placed = price.type === 'volume' ? units : unit;
    const tier = tiers.findIndex(({ up_to }) => up_to === null || placed <= up_to);
    const startsPackage = price.type === 'package' && (unit - 1) % price.package_size === 0;
    const flat =
      price.type === 'per_unit' ? price.unit_price_decimal : startsPackage ? price.package_price_decimal : '0';
    sums.set(tier, (sums.get(tier) ?? 0) + inTenThousandths(tiers[tier]?.unit_price_decimal ?? flat));
  }
  const all = [...sums.values()];
  const sum = (numbers: number[]): number => numbers.reduce((total, each) => total + each, 0);
  return { amount: sum(all.map((each) => Math.floor((each + 5000) / 10_000))), exact: sum(all) };
}

/** Prices of every kind in whole ten-thousandths of a minor unit, so that the oracle counts in whole numbers. */
export function anyPrice(chance: Chance): UsagePrice {
  const decimal = (): string => String(chance.between(0, 40_000) / 10_000);
  switch (chance.oneOf(['per_unit', 'package', 'graduated', 'volume'] as const)) {
    case 'per_unit':
      return { type: 'per_unit', unit_price_decimal: decimal() };
    case 'package':
      return { type: 'package', package_price_decimal: decimal(), package_size: chance.between(1, 30) };
    case 'graduated':
      return { type: 'graduated', tiers: anyTiers(chance, decimal) };
    case 'volume':
      return { type: 'volume', tiers: anyTiers(chance, decimal) };
  }
}

function anyTiers(chance: Chance, decimal: () => string) {
  let up_to = 0;
  const closed = Array.from({ length: chance.between(0, 5) }, () => ({
    up_to: (up_to += chance.between(1, 60)),
    unit_price_decimal: decimal(),
  }));
  return [...closed, { up_to: null, unit_price_decimal: decimal() }];
}

/** `'1.25'` → 12500. */
export function inTenThousandths(decimal: string): number {
  const [, sign = '', whole = '0', places = ''] = /^(-?)(\d+)(?:\.(\d{1,4}))?$/.exec(decimal) ?? [];
  return (sign === '-' ? -1 : 1) * (Number(whole) * 10_000 + Number(places.padEnd(4, '0')));
}
