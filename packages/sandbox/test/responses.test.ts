import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { responses } from '../scripts/responses.ts';
import { faultsOf, holdToContract } from './conform.ts';
import { bench } from './harness.ts';

test('the shapes are those of the installed SDK', () => {
  expect(readFileSync(new URL('../vectors/responses.json', import.meta.url), 'utf8')).toBe(responses());
});

test('an object that the API has not, a page without its fields and a refusal told badly are found', async () => {
  expect(faultsOf({ object: 'thing', id: 'x' })).toEqual([': the API has no thing']);
  expect(faultsOf({ object: 'list', data: [], colour: 'red' })).toEqual([
    '.colour: not in the API',
    '.has_more: undefined',
    '.url: undefined',
  ]);
  const answer = Response.json({ error: { type: 'bad', code: 'x', mood: 1 } }, { status: 400 });
  await expect(holdToContract(new Request('http://stripe.test/v1/x'), answer)).rejects.toThrow(
    /mood: not in the API\nerror.type: "bad"\nerror.message: no text\nerror.code without doc_url\nerror.request_log_url: undefined\nno request-id/,
  );
});

test('an event whose former fields its object never had is found', async () => {
  const { stripe, close } = await bench();
  const customer = await stripe.customers.create();
  await stripe.customers.update(customer.id, { name: 'Ada' });
  const [event] = (await stripe.events.list({ type: 'customer.updated' })).data;
  expect(event?.data.previous_attributes).toEqual({ name: null });
  expect(faultsOf(event)).toEqual([]);
  const data = { object: event?.data.object, previous_attributes: { nmae: null } };
  expect(faultsOf({ ...event, data })).toEqual(['event.data.previous_attributes.nmae: not in the API']);
  await close();
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
