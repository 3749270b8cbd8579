import type { CheckoutSessionRecord, PaymentMethodRecord } from '../../store/records.ts';
import type { Tx } from '../../store/store.ts';

/** The saved cards the page offers, newest first. */
export function savedCards(tx: Tx, session: CheckoutSessionRecord): PaymentMethodRecord[] {
  const { customer, saved_cards: saved = null } = session;
  if (customer === null || saved === null) return [];
  return tx
    .all('payment_method')
    .filter((method) => method.customer === customer && saved.filters.includes(method.allow_redisplay))
    .toReversed();
}

/** Sets the quantity of a line within the seller's bounds; a line of none leaves. */
export function setQuantity(session: CheckoutSessionRecord, id: string, wanted: number): CheckoutSessionRecord {
  const line = session.line_items.find((each) => each.id === id);
  if (line?.adjustable == null || !Number.isInteger(wanted)) return session;
  const quantity = Math.min(Math.max(wanted, line.adjustable.minimum), line.adjustable.maximum);
  const line_items = session.line_items
    .map((each) => (each.id === id ? { ...each, quantity } : each))
    .filter((each) => each.id !== id || each.quantity > 0);
  // Something has to be bought.
  return line_items.length === 0 ? session : { ...session, line_items };
}

/** Puts one of the things offered besides into the basket, or takes it out again. */
export function toggleOptional(tx: Tx, session: CheckoutSessionRecord, price: string): CheckoutSessionRecord {
  const offered = (session.optional_items ?? []).find((each) => each.price === price);
  if (offered === undefined) return session;
  const line_items = session.line_items.filter((each) => each.price !== price);
  if (line_items.length < session.line_items.length) {
    return line_items.length === 0 ? session : { ...session, line_items };
  }
  const { adjustable, quantity } = offered;
  return {
    ...session,
    line_items: [...line_items, { id: tx.newId('li_'), adjustable, metadata: {}, price, quantity }],
  };
}
