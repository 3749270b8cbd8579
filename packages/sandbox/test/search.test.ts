import type Stripe from 'stripe';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseQuery } from '../src/resources/search/query.ts';
import { type Bench, bench, idOf, refusal, subscriber } from './harness.ts';

let b: Bench;
let ada: Stripe.Customer;
beforeAll(async () => {
  b = await bench();
  const { stripe } = b;
  ada = await stripe.customers.create({ name: 'Ada Lovelace', email: 'ada@example.com', metadata: { tier: 'gold' } });
  await stripe.customers.create({
    name: 'Grace "Amazing" Hopper',
    email: 'grace@navy.test',
    metadata: { tier: 'tin' },
  });
  await stripe.customers.create({ name: 'Nobody' });
});
afterAll(() => b.close());

const found = async (query: string): Promise<string> =>
  (await b.stripe.customers.search({ query })).data.map((each) => each.name?.split(' ')[0] ?? '').join(' ');

describe('the query language', () => {
  test.each([
    [`email:"ada@example.com"`, 'Ada'],
    [`email:'ADA@example.com'`, 'Ada'],
    ['name~"lovel"', 'Ada'],
    ['name:"Grace \\"Amazing\\" Hopper"', 'Grace'],
    ['metadata["tier"]:"gold"', 'Ada'],
    [`metadata['tier']:'gold'`, 'Ada'],
    ['metadata["tier"]:null', 'Nobody'],
    ['-metadata["tier"]:null', 'Grace Ada'],
    ['-metadata["tier"]:"gold"', 'Nobody Grace'],
    ['email:null', 'Nobody'],
    ['name~"ada" AND metadata["tier"]:"gold"', 'Ada'],
    ['name~"ada" AND metadata["tier"]:"tin"', ''],
    ['name~"ada" OR metadata["tier"]:"tin"', 'Grace Ada'],
    ['name~"ada" metadata["tier"]:"gold"', 'Ada'],
    ['created>0', 'Nobody Grace Ada'],
    ['created<=1000', ''],
    ['created>=1000 AND created<99999999999', 'Nobody Grace Ada'],
  ])('%s', async (query, names) => {
    expect(await found(query)).toBe(names);
  });

  test.each([
    ['colour:"red"', 'Field `colour` is an unsupported search field for resource `customers`.'],
    ['name["x"]:"red"', 'is an unsupported search field'],
    ['metadata:"red"', 'is an unsupported search field'],
    ['__proto__:"x"', 'is an unsupported search field'],
    ['email:"a" AND name:"b" OR phone:"c"', 'cannot combine AND with OR'],
    ['email', 'We were unable to parse your search query.'],
    ['email:', 'We were unable to parse your search query.'],
    ['(email:"a")', 'We were unable to parse your search query.'],
    ['email:"a" AND', 'We were unable to parse your search query.'],
    ['email:"a"name:"b"', 'We were unable to parse your search query.'],
    ['email>"a"', 'only supported for numeric fields'],
    ['metadata["a"]~"abc"', '`~` is not supported'],
    ['name~"ab"', 'at least 3 characters'],
    ['created>"yesterday"', 'must be a number'],
    [Array.from({ length: 11 }, () => 'email:"a"').join(' OR '), 'at most 10 clauses'],
  ])('%s is refused', async (query, message) => {
    const error = await refusal(b.stripe.customers.search({ query }));
    expect([error.statusCode, error.param]).toEqual([400, 'query']);
    expect(error.message).toContain(message);
  });

  test('what is in quotes is never read as a word of the language', () => {
    expect(parseQuery('name:"a AND b OR c" OR name:"-x:1"')).toMatchObject({
      joined_by: 'OR',
      clauses: [{ value: 'a AND b OR c' }, { value: '-x:1' }],
    });
  });
});

test('pages follow each other, and auto-paging sees every object once', async () => {
  const { stripe } = b;
  const query = 'created>0';
  const first = await stripe.customers.search({ query, limit: 2, expand: ['total_count'] });
  expect([first.data.length, first.has_more, first.total_count]).toEqual([2, true, 3]);
  const second = await stripe.customers.search({ query, limit: 2, page: first.next_page ?? '' });
  expect([second.data.map((each) => each.name), second.has_more, second.next_page]).toEqual([
    ['Ada Lovelace'],
    false,
    null,
  ]);
  expect(second).not.toHaveProperty('total_count');
  const all = await stripe.customers.search({ query, limit: 1 }).autoPagingToArray({ limit: 10 });
  expect(all).toHaveLength(3);
  const foreign = stripe.customers.search({ query: 'created>1', page: first.next_page ?? '' });
  expect((await refusal(foreign)).param).toBe('page');
  expect((await refusal(stripe.customers.search({ query, page: '%%%' }))).param).toBe('page');
});

test('every searchable resource is found by its own fields, and expands like a list', async () => {
  const { stripe } = b;
  const { customer, subscription } = await subscriber(stripe, { metadata: { run: 'x' } });
  const [own, invoice] = [`customer:"${customer.id}"`, idOf(subscription.latest_invoice)];
  const [charge] = (await stripe.charges.search({ query: `${own} AND payment_method_details.card.last4:4242` })).data;
  expect(charge).toMatchObject({ customer: customer.id, amount: 49_900 });
  expect((await stripe.paymentIntents.search({ query: `${own} AND status:"succeeded"` })).data).toHaveLength(1);
  const bySubscription = await stripe.invoices.search({
    query: `subscription:"${subscription.id}" AND total>49899`,
    expand: ['data.customer'],
  });
  expect(bySubscription.data).toMatchObject([{ id: invoice, customer: { object: 'customer' } }]);
  expect((await stripe.prices.search({ query: 'active:"true" AND type:"recurring"' })).data).toHaveLength(1);
  expect((await stripe.products.search({ query: 'name~"pro" AND active:"true"' })).data).toHaveLength(1);
  const running = await stripe.subscriptions.search({ query: 'status:"active" AND metadata["run"]:"x"' });
  expect(running.data.map((each) => each.id)).toEqual([subscription.id]);
  await stripe.customers.del(ada.id);
  expect(await found('name~"ada love"')).toBe('');
});
