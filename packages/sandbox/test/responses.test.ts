import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { responses } from '../scripts/responses.ts';
import { faultsOf } from './conform.ts';

test('the shapes are those of the installed SDK', () => {
  expect(readFileSync(new URL('../vectors/responses.json', import.meta.url), 'utf8')).toBe(responses());
});

test('a missing, an unknown, a mistyped and an unlisted value are each found', () => {
  const product = {
    id: 'prod_1',
    object: 'product',
    active: 'yes',
    created: 1,
    description: null,
    images: [],
    livemode: false,
    marketing_features: [{ name: 1 }],
    metadata: {},
    name: 'A',
    package_dimensions: null,
    shippable: null,
    tax_code: null,
    tax_details: null,
    type: 'thing',
    updated: 1,
    colour: 'red',
  };
  expect(faultsOf(product)).toEqual([
    'product.url: missing',
    'product.active: "yes" is not boolean',
    'product.marketing_features[0].name: 1 is not string',
    'product.type: "thing" is none of \'good \'service',
    'product.colour: not in the API',
  ]);
});
