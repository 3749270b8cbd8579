import { expect, test } from 'vitest';
import example from '../../../../farebox.config.ts';
import { refuseUnsellable } from './load.ts';

const [starter, pro] = example.plans;
if (starter === undefined || pro === undefined) throw new Error('The example has plans.');

test('a list of one group is sold; add-ons and further groups are refused by name', () => {
  expect(() => refuseUnsellable(example)).not.toThrow();
  expect(() => refuseUnsellable({ plans: [pro, { ...starter, group: null }] })).toThrow(/^plans\.starter\.add_on: /);
  expect(() => refuseUnsellable({ plans: [pro, { ...starter, group: 'maps' }] })).toThrow(/groups: main, maps\.$/);
});
