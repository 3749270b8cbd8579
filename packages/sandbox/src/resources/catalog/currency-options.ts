import type Stripe from 'stripe';
import type { Wire } from '../../contract/wire.ts';
import { invalidParam } from '../../http/api-error.ts';
import { currencyCode, type Param } from '../../http/params.ts';
import type { CurrencyOption, PriceRecord, Tier } from '../../store/records.ts';
import { wholeAmount } from '../../billing/money.ts';

type RenderedOption = Wire<Stripe.Price.CurrencyOptions>;

const code = currencyCode();

/** A hash by currency, each with the same table. */
export function byCurrency<T>(option: Param<T>): Param<Record<string, T>> {
  return {
    inner: option,
    read(value, path) {
      if (typeof value === 'string' || Array.isArray(value)) throw invalidParam('Invalid object', path);
      const read: Record<string, T> = {};
      for (const [name, each] of Object.entries(value)) {
        const currency = code.read(name, `${path}[${name}]`);
        read[currency] = option.read(each, `${path}[${name}]`);
      }
      return read;
    },
  };
}

function render(option: CurrencyOption): RenderedOption {
  return {
    custom_unit_amount: null,
    tax_behavior: option.tax_behavior,
    ...(option.tiers === null ? {} : { tiers: renderTierList(option.tiers) }),
    unit_amount: wholeAmount(option.unit_amount_decimal),
    unit_amount_decimal: option.unit_amount_decimal,
  };
}

/** Renders tiers, amounts whole where they are. */
export function renderTierList(tiers: readonly Tier[]): Wire<Stripe.Price.Tier>[] {
  return tiers.map((tier) => ({
    flat_amount: wholeAmount(tier.flat_amount_decimal),
    flat_amount_decimal: tier.flat_amount_decimal,
    unit_amount: wholeAmount(tier.unit_amount_decimal),
    unit_amount_decimal: tier.unit_amount_decimal,
    up_to: tier.up_to,
  }));
}

/** A price in every currency it has, its own among them. */
export function renderPriceCurrencies(price: PriceRecord): Record<string, RenderedOption> {
  const own = { tax_behavior: price.tax_behavior, tiers: price.tiers, unit_amount_decimal: price.unit_amount_decimal };
  const all = { [price.currency]: own, ...price.currency_options };
  return Object.fromEntries(Object.entries(all).map(([currency, option]) => [currency, render(option)]));
}
