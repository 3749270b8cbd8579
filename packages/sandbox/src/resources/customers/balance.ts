import type Stripe from 'stripe';
import type { Wire } from '../../contract/wire.ts';
import { missingParam } from '../../contract/contract.ts';
import { invalidParam, noSuch } from '../../http/api-error.ts';
import { page, pageParams, range, within } from '../../http/lists.ts';
import { currencyCode, emptyable, integer, mergeMetadata, metadata, text } from '../../http/params.ts';
import { route } from '../../http/route.ts';
import type { BalanceTransactionRecord } from '../../store/money-records.ts';
import type { CustomerRecord } from '../../store/records.ts';
import type { Tx } from '../../store/store.ts';
import type { Context } from '../context.ts';
import { findCustomer, updateCustomer } from './customer-record.ts';

/** Renders an entry of the ledger. */
export function renderBalanceTransaction(move: BalanceTransactionRecord): Wire<Stripe.CustomerBalanceTransaction> {
  return {
    id: move.id,
    object: 'customer_balance_transaction',
    amount: move.amount,
    checkout_session: null,
    created: move.created,
    credit_note: move.credit_note,
    currency: move.currency,
    customer: move.customer,
    customer_account: null,
    description: move.description,
    ending_balance: move.ending_balance,
    invoice: move.invoice,
    livemode: false,
    metadata: move.metadata,
    type: move.type,
  };
}

/** What moves a balance. Negative amounts are credit of the customer. */
export type Move = Pick<BalanceTransactionRecord, 'amount' | 'currency' | 'type'> &
  Partial<Pick<BalanceTransactionRecord, 'credit_note' | 'description' | 'invoice' | 'metadata'>>;

/**
 * Moves a customer's balance: an entry in the ledger and the new sum on the customer, whatever else changes with it.
 * The balance is always the sum of the ledger.
 */
export function moveBalance(
  context: Context,
  customer: CustomerRecord,
  move: Move,
  change: Partial<CustomerRecord> = {},
): BalanceTransactionRecord {
  const { tx } = context;
  const balance = customer.balance + move.amount;
  updateCustomer(context, customer, { currency: customer.currency ?? move.currency, ...change, balance });
  return tx.put('balance_transaction', {
    id: tx.newId('cbtxn_'),
    created: tx.now,
    credit_note: null,
    customer: customer.id,
    description: null,
    ending_balance: balance,
    invoice: null,
    metadata: {},
    ...move,
  });
}

function find(tx: Tx, ids: string): BalanceTransactionRecord {
  const [customer = '', id = ''] = ids.split('/');
  const move = tx.get('balance_transaction', id);
  if (move === undefined || move.customer !== customer) throw noSuch('customer_balance_transaction', id);
  return move;
}

export const balanceRoutes = [
  route(
    'POST /v1/customers/{id}/balance_transactions',
    { amount: integer(), currency: currencyCode(), description: emptyable(text(350)), metadata: metadata() },
    (context, params, id) => {
      const customer = findCustomer(context.tx, id);
      if (params.amount === undefined) throw missingParam('amount');
      const currency = params.currency ?? '';
      if (customer.currency !== null && customer.currency !== currency) {
        throw invalidParam(
          `You cannot combine currencies on a single customer. This customer has been billed in ${customer.currency}.`,
          'currency',
        );
      }
      return renderBalanceTransaction(
        moveBalance(context, customer, {
          amount: params.amount,
          currency,
          description: params.description ?? null,
          metadata: mergeMetadata({}, params.metadata),
          type: 'adjustment',
        }),
      );
    },
  ),
  route('GET /v1/customers/{id}/balance_transactions/{id}', {}, ({ tx }, _params, ids) =>
    renderBalanceTransaction(find(tx, ids)),
  ),
  route(
    'POST /v1/customers/{id}/balance_transactions/{id}',
    { description: emptyable(text(350)), metadata: metadata() },
    ({ tx }, params, ids) => {
      const old = find(tx, ids);
      const { description = old.description } = params;
      const kept = mergeMetadata(old.metadata, params.metadata);
      return renderBalanceTransaction(tx.put('balance_transaction', { ...old, description, metadata: kept }));
    },
  ),
  route(
    'GET /v1/customers/{id}/balance_transactions',
    { ...pageParams, created: range(), invoice: text() },
    ({ tx }, params, id) => {
      findCustomer(tx, id);
      const wanted = tx.all('balance_transaction').filter((move) => {
        if (move.customer !== id || !within(move.created, params.created)) return false;
        return params.invoice === undefined || move.invoice === params.invoice;
      });
      const url = `/v1/customers/${id}/balance_transactions`;
      return page(url, wanted, params, 'customer_balance_transaction', renderBalanceTransaction);
    },
  ),
];
