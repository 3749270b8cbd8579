import type Stripe from 'stripe';
import type { Wire } from '../../contract/wire.ts';
import { PENDING_SECONDS } from '../../billing/fees.ts';
import { noSuch } from '../../http/api-error.ts';
import { page, pageParams, range, within } from '../../http/lists.ts';
import { currencyCode, oneOf, text } from '../../http/params.ts';
import { route } from '../../http/route.ts';
import type { AccountTransactionRecord } from '../../store/records.ts';
import type { Tx } from '../../store/store.ts';
import type { Context } from '../context.ts';

type Move = Pick<
  AccountTransactionRecord,
  'amount' | 'currency' | 'description' | 'fee' | 'reporting_category' | 'source' | 'type'
>;

/** Moves the account's balance. */
export function moveAccount(context: Context, move: Move): AccountTransactionRecord {
  const { tx } = context;
  return tx.put('account_transaction', {
    id: tx.newId('txn_'),
    created: tx.wall,
    available_on: tx.wall + PENDING_SECONDS,
    ...move,
  });
}

function feeOf(move: AccountTransactionRecord): Wire<Stripe.BalanceTransaction.FeeDetail>[] {
  if (move.fee === 0) return [];
  return [
    {
      amount: move.fee,
      application: null,
      currency: move.currency,
      description: move.type === 'charge' ? 'Stripe processing fees' : 'Dispute fee',
      type: 'stripe_fee',
    },
  ];
}

/** Renders a balance transaction of the account. */
export function renderAccountTransaction(tx: Tx, move: AccountTransactionRecord): Wire<Stripe.BalanceTransaction> {
  return {
    id: move.id,
    object: 'balance_transaction',
    amount: move.amount,
    available_on: move.available_on,
    balance_type: 'payments',
    created: move.created,
    currency: move.currency,
    description: move.description,
    exchange_rate: null,
    fee: move.fee,
    fee_details: feeOf(move),
    net: move.amount - move.fee,
    reporting_category: move.reporting_category,
    source: move.source,
    status: tx.wall >= move.available_on ? 'available' : 'pending',
    type: move.type,
  };
}

function sums(
  moves: AccountTransactionRecord[],
): { amount: number; currency: string; source_types: { card: number } }[] {
  const totals = new Map<string, number>();
  for (const move of moves) totals.set(move.currency, (totals.get(move.currency) ?? 0) + move.amount - move.fee);
  if (totals.size === 0) totals.set('usd', 0);
  return [...totals].map(([currency, amount]) => ({ amount, currency, source_types: { card: amount } }));
}

export const accountBalanceRoutes = [
  route('GET /v1/balance', {}, ({ tx }): Wire<Stripe.Balance> => {
    const moves = tx.all('account_transaction');
    return {
      object: 'balance',
      available: sums(moves.filter((move) => tx.wall >= move.available_on)),
      livemode: false,
      pending: sums(moves.filter((move) => tx.wall < move.available_on)),
    };
  }),
  route('GET /v1/balance_transactions/{id}', {}, ({ tx }, _params, id) => {
    const move = tx.get('account_transaction', id);
    if (move === undefined) throw noSuch('balance transaction', id);
    return renderAccountTransaction(tx, move);
  }),
  route(
    'GET /v1/balance_transactions',
    {
      ...pageParams,
      created: range(),
      currency: currencyCode(),
      source: text(),
      type: oneOf(['adjustment', 'charge', 'refund', 'refund_failure'], ['payout', 'payment', 'payment_refund']),
    },
    ({ tx }, params) => {
      const wanted = tx.all('account_transaction').filter((move) => {
        if (params.currency !== undefined && move.currency !== params.currency) return false;
        if (params.source !== undefined && move.source !== params.source) return false;
        if (params.type !== undefined && move.type !== params.type) return false;
        return within(move.created, params.created);
      });
      return page('/v1/balance_transactions', wanted, params, 'balance transaction', (move) =>
        renderAccountTransaction(tx, move),
      );
    },
  ),
];
