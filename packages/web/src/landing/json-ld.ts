import { toMajorDecimal } from '@farebox/core';
import type { LandingProps } from './props.ts';

/**
 * Structured data for search engines (schema.org Product with one Offer per price of a plan), safe inside a `<script>` element.
 * A data block is not executed, so `script-src` does not concern it.
 */
export function jsonLd({ seller, plans }: Pick<LandingProps, 'seller' | 'plans'>): string {
  const data = {
    '@context': 'https://schema.org',
    '@type': 'Product',
    name: seller.name,
    description: seller.description,
    offers: plans.flatMap((plan) =>
      plan.prices.map((price) => ({
        '@type': 'Offer',
        name: plan.name,
        description: plan.description,
        price: toMajorDecimal(String(price.amount_minor), price.currency),
        priceCurrency: price.currency.toUpperCase(),
      })),
    ),
  };
  return JSON.stringify(data).replaceAll('<', '\\u003c');
}
