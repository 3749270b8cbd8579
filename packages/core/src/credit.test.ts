import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type CreditFacts, type CreditWish, decideCredit } from './credit.ts';

const paid: CreditFacts = { status: 'paid', amount_due_minor: 9900, amount_paid_minor: 9900, credited_minor: 0 };
const open: CreditFacts = { status: 'open', amount_due_minor: 9900, amount_paid_minor: 0, credited_minor: 0 };

test.each<[string, CreditFacts, CreditWish, object]>([
  ['without an amount all of it', paid, { to: 'card' }, { effect: 'credit', amount_minor: 9900 }],
  ['a part', paid, { to: 'balance', amount_minor: 1 }, { effect: 'credit', amount_minor: 1 }],
  ['what is left after another', { ...paid, credited_minor: 9000 }, { to: 'card' }, { amount_minor: 900 }],
  [
    'more than is left',
    { ...paid, credited_minor: 9000 },
    { to: 'card', amount_minor: 901 },
    { code: 'amount_too_large' },
  ],
  ['when nothing is left', { ...paid, credited_minor: 9900 }, { to: 'card' }, { code: 'amount_too_large' }],
  ['of an open invoice to the card', open, { to: 'card' }, { code: 'invoice_not_paid' }],
  ['of a void one', { ...open, status: 'void' }, { to: 'card' }, { code: 'invoice_not_paid' }],
  ['less owed on an open one', open, { to: 'invoice', amount_minor: 900 }, { effect: 'credit', amount_minor: 900 }],
  ['less owed on a paid one', paid, { to: 'invoice', amount_minor: 1 }, { code: 'invoice_not_open' }],
])('%s', (_, facts, wish, decision) => {
  expect(decideCredit(facts, wish)).toMatchObject(decision);
});

test('in sum never more is given back than was paid, in whatever parts it is asked for', () => {
  const wish = fc.record({
    to: fc.constantFrom<'card' | 'balance'>('card', 'balance'),
    amount_minor: fc.option(fc.integer({ min: 1, max: 20_000 }), { nil: undefined }),
  });
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 10_000 }), fc.array(wish, { maxLength: 20 }), (amount, wishes) => {
      let credited = 0;
      for (const each of wishes) {
        const facts = { ...paid, amount_due_minor: amount, amount_paid_minor: amount, credited_minor: credited };
        const decision = decideCredit(facts, each);
        if (decision.effect === 'credit') credited += decision.amount_minor;
        if (decision.effect === 'credit') expect(decision.amount_minor).toBeGreaterThan(0);
      }
      expect(credited).toBeLessThanOrEqual(amount);
    }),
  );
});
