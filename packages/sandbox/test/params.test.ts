import Stripe from 'stripe';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createSandbox, type Sandbox } from '../src/index.ts';
import { checks } from './harness.ts';

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await createSandbox(checks());
});
afterAll(() => sandbox.close());

interface Refused {
  type: string;
  message: string;
  code?: string;
  param?: string;
}

/** What a form is refused with, sent as the SDKs send it. */
async function refused(path: string, form: string): Promise<Refused> {
  const headers = { authorization: 'Bearer sk_test_x', 'content-type': 'application/x-www-form-urlencoded' };
  const response = await sandbox.fetch(
    new Request(`http://stripe.test${path}`, { method: 'POST', headers, body: form }),
  );
  expect(response.status, form).toBe(400);
  return ((await response.json()) as { error: Refused }).error;
}

describe('the contract refuses at the edge, in the words of Stripe', () => {
  test.each([
    ['/v1/products', '', 'parameter_missing', 'name', 'Missing required param: name.'],
    [
      '/v1/prices',
      'currency=usd&unit_amount=1&product_data[active]=true',
      'parameter_missing',
      'product_data[name]',
      'Missing required param: product_data[name].',
    ],
    ['/v1/customers', 'nmae=Ada', 'parameter_unknown', 'nmae', 'Received unknown parameter: nmae'],
    [
      '/v1/customers',
      'a=1&name=Ada&address[town]=x',
      'parameter_unknown',
      'a',
      'Received unknown parameters: a, address[town]',
    ],
    [
      '/v1/subscriptions',
      'customer=cus_x&items[0][prise]=x',
      'parameter_unknown',
      'items[0][prise]',
      'Received unknown parameter: items[0][prise]',
    ],
    [
      '/v1/products',
      'name=',
      'parameter_invalid_empty',
      'name',
      "You passed an empty string for 'name'. We assume empty values are an attempt to unset a parameter; however 'name' cannot be unset. You should remove 'name' from your request or supply a non-empty value.",
    ],
    [
      '/v1/products',
      'name=%20%20',
      'parameter_invalid_string_blank',
      'name',
      "The value of 'name' is blank. It must contain at least 1 non-whitespace character.",
    ],
    ['/v1/prices', 'currency=usd&unit_amount=1.5', 'parameter_invalid_integer', 'unit_amount', 'Invalid integer: 1.5'],
    [
      '/v1/prices',
      'currency=usd&unit_amount_decimal=0.1234567890123',
      undefined,
      'unit_amount_decimal',
      'Invalid decimal: 0.1234567890123; must contain at maximum 12 decimal places.',
    ],
    ['/v1/products', 'name=a&active=yes', undefined, 'active', 'Invalid boolean: yes'],
    [
      '/v1/prices',
      'currency=usd&recurring[interval]=fortnight',
      undefined,
      'recurring[interval]',
      'Invalid recurring[interval]: must be one of day, month, week, or year',
    ],
    [
      '/v1/subscriptions',
      'customer=cus_x&collection_method=later',
      undefined,
      'collection_method',
      'Invalid collection_method: must be charge_automatically or send_invoice',
    ],
    ['/v1/subscriptions', 'items=x', undefined, 'items', 'Invalid array'],
    ['/v1/subscriptions', 'items[0]=x', undefined, 'items[0]', 'Invalid object'],
    ['/v1/customers', 'name[first]=Ada', undefined, 'name', 'Invalid string: {"first":"Ada"}'],
    ['/v1/customers', 'metadata=x', undefined, 'metadata', 'Invalid object'],
    ['/v1/coupons', 'amount_off=5&currency=%2D%2D', undefined, 'currency', 'Invalid currency: --'],
    [
      '/v1/coupons',
      'amount_off=5&currency=usd&currency_options[euro][amount_off]=4',
      undefined,
      'currency_options[euro]',
      'Invalid currency: euro',
    ],
    ['/v1/payment_intents', 'amount=100&currency=us', undefined, 'currency', 'Invalid currency: us'],
  ])('%s %s', async (path, form, code, param, message) => {
    const error = await refused(path, form);
    expect(error).toMatchObject({ type: 'invalid_request_error', message, param });
    expect(error.code).toBe(code);
  });
});

describe('parameters that older versions took are unknown, as they are to Stripe', () => {
  test.each([
    ['/v1/customers', 'coupon=X', 'coupon'],
    ['/v1/customers', 'promotion_code=X', 'promotion_code'],
    ['/v1/subscriptions', 'customer=cus_x&coupon=X', 'coupon'],
    ['/v1/subscriptions', 'customer=cus_x&promotion_code=X', 'promotion_code'],
    ['/v1/promotion_codes', 'coupon=X&promotion[type]=coupon', 'coupon'],
    ['/v1/checkout/sessions', 'mode=payment&payment_method_types[0]=card', 'payment_method_types'],
    ['/v1/payment_intents', 'amount=100&currency=usd&payment_method_types[0]=card', 'payment_method_types'],
    ['/v1/setup_intents', 'payment_method_types[0]=card', 'payment_method_types'],
    [
      '/v1/prices',
      'currency=usd&recurring[interval]=month&recurring[aggregate_usage]=sum',
      'recurring[aggregate_usage]',
    ],
    ['/v1/invoices/create_preview', 'subscription_items[0][price]=x', 'subscription_items'],
    ['/v1/invoices', 'customer=cus_x&tax_percent=5', 'tax_percent'],
  ])('%s %s', async (path, form, param) => {
    expect(await refused(path, form)).toMatchObject({ code: 'parameter_unknown', param });
  });

  test('the billing cycle anchor of an update is an object since 23.0', async () => {
    const error = await refused('/v1/subscriptions/sub_x', 'billing_cycle_anchor=now');
    expect(error).toMatchObject({ param: 'billing_cycle_anchor', message: 'Invalid object' });
  });
});

test('what is unknown is told before what is missing, and that before what is wrong', async () => {
  expect((await refused('/v1/products', 'x=1&active=yes')).param).toBe('x');
  expect((await refused('/v1/products', 'active=yes')).param).toBe('name');
  expect((await refused('/v1/products', 'active=yes&name=a')).param).toBe('active');
});

test('a refusal by the contract leaves its idempotency key unused', async () => {
  const httpClient = Stripe.createFetchHttpClient((url, init) => sandbox.fetch(new Request(url as string, init)));
  const stripe = new Stripe('sk_test_x', { httpClient });
  await expect(stripe.rawRequest('POST', '/v1/products', { name: '' }, { idempotencyKey: 'k' })).rejects.toThrow(
    'empty string',
  );
  expect((await stripe.products.create({ name: 'Pro' }, { idempotencyKey: 'k' })).name).toBe('Pro');
});
