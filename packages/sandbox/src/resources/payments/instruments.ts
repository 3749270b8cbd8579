import { invalid, invalidParam } from '../../http/api-error.ts';
import { oneOf, type Read, shape } from '../../http/params.ts';
import type { PaymentMethodRecord } from '../../store/records.ts';
import type { Context } from '../context.ts';
import { type givenTable, methodOfGiven, readGiven } from './given-cards.ts';
import { resolvePaymentMethod } from './payment-methods.ts';

/** What may be asked of a card beyond paying. */
export const optionsParam = shape({
  card: shape({
    capture_method: oneOf(['manual']),
    request_multicapture: oneOf(['if_available', 'never']),
    request_three_d_secure: oneOf(['any', 'automatic', 'challenge']),
    setup_future_usage: oneOf(['off_session', 'on_session']),
  }),
});

interface Named {
  payment_method?: string | undefined;
  payment_method_data?: Partial<Read<typeof givenTable>> | undefined;
}

/** The payment method by that id, which must be free or the intent's customer's. */
function methodOf(context: Context, id: string, customer: string | null): PaymentMethodRecord {
  const method = resolvePaymentMethod(context, id, 'payment_method');
  if (method.customer === null || method.customer === customer) return method;
  throw invalid(
    customer === null
      ? `The provided PaymentMethod ${id} is attached to a customer. Please include the customer in the \`customer\` parameter on the PaymentIntent.`
      : `The provided PaymentMethod ${id} does not belong to the Customer ${customer}.`,
    { param: 'payment_method' },
  );
}

/** What a request pays or is set up with: a payment method by its id, or a card it carries; `null` without either. */
export function instrument(context: Context, params: Named, customer: string | null): PaymentMethodRecord | null {
  const { payment_method, payment_method_data } = params;
  if (payment_method !== undefined && payment_method_data !== undefined) {
    throw invalidParam(
      'You may only specify one of these parameters: payment_method, payment_method_data.',
      'payment_method_data',
    );
  }
  if (payment_method !== undefined) return methodOf(context, payment_method, customer);
  if (payment_method_data === undefined) return null;
  return methodOfGiven(context, readGiven(context, payment_method_data, 'payment_method_data'));
}

/** The payment method an intent has already. */
export function ownMethod(
  context: Context,
  intent: { customer: string | null; payment_method: string | null },
): PaymentMethodRecord | null {
  return intent.payment_method === null ? null : methodOf(context, intent.payment_method, intent.customer);
}
