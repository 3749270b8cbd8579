import type { Context } from '../resources/context.ts';
import { cardByLiteral } from '../resources/payments/test-cards.ts';
import type { FaultRecord } from '../store/machinery.ts';
import type { PaymentFailure } from '../store/records.ts';
import { fits, isSpent, roll } from './faults.ts';

const messages: Record<string, string> = { insufficient_funds: 'Your card has insufficient funds.' };

/**
 * The refusal of a charge that a fault asks for; `null` without one. One transaction asks once per card, so that a
 * page that looks before it charges gets the answer the charge will get.
 */
export function declinedByFault(context: Context, card_number: string): PaymentFailure | null {
  const decided = context.verdicts.get(card_number);
  if (decided !== undefined) return decided;
  const { tx } = context;
  const fault = tx
    .all('fault')
    .filter(
      (each) => each.type === 'decline' && !isSpent(each) && fits(each, context.route) && isCard(each, card_number),
    )
    .find((each) => roll(tx, each));
  const verdict =
    fault === undefined
      ? null
      : {
          code: 'card_declined',
          decline_code: fault.decline_code,
          message: messages[fault.decline_code] ?? 'Your card was declined.',
        };
  context.verdicts.set(card_number, verdict);
  return verdict;
}

function isCard(fault: FaultRecord, number: string): boolean {
  if (fault.card === null) return true;
  const wanted = cardByLiteral(fault.card)?.number ?? fault.card.replaceAll(/[\s-]/g, '');
  return number === wanted || (wanted.length === 4 && number.endsWith(wanted));
}
