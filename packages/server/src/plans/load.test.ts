import { expect, test } from 'vitest';
import example from '../../../../farebox.config.ts';
import { refuseUnsellable } from './load.ts';

const [starter, pro] = example.plans;
if (starter === undefined || pro === undefined) throw new Error('The example has plans.');

test('what is sold: plans of any group, and add-ons without a fee at the start', () => {
  expect(() => refuseUnsellable(example)).not.toThrow();
  expect(() => refuseUnsellable({ plans: [pro, { ...starter, group: null }] })).not.toThrow();
  const withFee = starter.prices.map((price) => ({ ...price, setup_fee_minor: 500 }));
  expect(() => refuseUnsellable({ plans: [pro, { ...starter, group: null, prices: withFee }] })).toThrow(
    /^plans\.starter\.setup_fee: /,
  );
  expect(() => refuseUnsellable({ plans: [pro, { ...starter, group: 'maps' }] })).not.toThrow();
});
