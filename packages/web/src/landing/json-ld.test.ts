import { expect, test } from 'vitest';
import { jsonLd } from './json-ld.ts';
import { exampleProps } from './example.ts';

test('a seller cannot close the script element from inside the structured data', () => {
  const props = { ...exampleProps, seller: { ...exampleProps.seller, name: '</script><script>alert(1)</script>' } };
  expect(jsonLd(props)).not.toContain('<');
});

test('each plan is an offer with its price in major units', () => {
  const offers = (JSON.parse(jsonLd(exampleProps)) as { offers: { price: string; priceCurrency: string }[] }).offers;
  expect(offers[0]).toMatchObject({ price: '99', priceCurrency: 'USD' });
});
