import { expect, test } from 'vitest';
import { reconciliationText } from './reconcile.ts';

test('every difference is one line that says what it is and what becomes of it', () => {
  const about = { customer_id: 'cust_1', object_id: 'sub_1', kind: 'stale_status' } as const;
  const detail = 'sub_1 is canceled at Stripe and active here.';
  expect(reconciliationText({ checked: 12, found: [] })).toBe('Nothing differs; 12 objects of Stripe were looked at.');
  const text = reconciliationText({
    checked: 12,
    found: [
      { ...about, detail, repair: 'sync', repaired: true },
      { ...about, detail, repair: 'sync', repaired: false },
      { ...about, kind: 'duplicate_customer', detail: 'Two of them.', repair: null, repaired: false },
    ],
  });
  expect(text.split('\n')).toEqual([
    '3 of 12 objects of Stripe differ or are missing:',
    '  stale_status         sub_1 is canceled at Stripe and active here. Repaired.',
    '  stale_status         sub_1 is canceled at Stripe and active here. Add --repair.',
    '  duplicate_customer   Two of them. This is for a person to decide.',
  ]);
});
