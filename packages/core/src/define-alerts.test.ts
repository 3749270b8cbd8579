import { expect, test } from 'vitest';
import exampleList from '../../../farebox.config.ts';
import { readPriceList } from './define-plans.ts';
import { toPlanFile } from './plan-source.ts';

const file = toPlanFile(exampleList);
const withAlerts = (alerts: unknown) => ({
  ...file,
  plans: { ...file.plans, pro: { ...file.plans['pro'], alerts } },
});

test('a plan says at which parts of a quota its customers are told, and its file says so again', () => {
  const list = readPriceList(withAlerts([50, 80, 95]));
  const pro = list.plans.find(({ id }) => id === 'pro');
  expect(pro?.alerts).toEqual([50, 80, 95]);
  expect(toPlanFile(list).plans['pro']?.alerts).toEqual([50, 80, 95]);
  expect(readPriceList(withAlerts([])).plans.find(({ id }) => id === 'pro')?.alerts).toEqual([]);
});

test.each<[unknown, RegExp]>([
  [[80, 50], /plans\.pro\.alerts\[1\]: must be more than 80/],
  [[100], /plans\.pro\.alerts\[0\]: must be below 100/],
  [[0], /plans\.pro\.alerts\[0\]: must be a positive whole number/],
  [['80%'], /plans\.pro\.alerts\[0\]: must be a positive whole number/],
  [80, /plans\.pro\.alerts: must be a list/],
  [[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11], /plans\.pro\.alerts: must be 10 at most/],
])('%j is refused', (alerts, fault) => {
  expect(() => readPriceList(withAlerts(alerts))).toThrow(fault);
});
