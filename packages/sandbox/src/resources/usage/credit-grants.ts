import type Stripe from 'stripe';
import { missingParam } from '../../contract/contract.ts';
import type { Wire } from '../../contract/wire.ts';
import { invalid, invalidParam, noSuch } from '../../http/api-error.ts';
import { page, pageParams } from '../../http/lists.ts';
import {
  currencyCode,
  emptyable,
  integer,
  list,
  mergeMetadata,
  metadata,
  oneOf,
  type Read,
  shape,
  text,
} from '../../http/params.ts';
import { route } from '../../http/route.ts';
import type { Seconds } from '../../store/records.ts';
import type { Tx } from '../../store/store.ts';
import type { CreditGrantRecord } from '../../store/usage-records.ts';
import { type Context, emit, emitUpdate, schedule, unschedule } from '../context.ts';
import { isUsable, moveCredits, remainderOf, renderCreditTransaction } from './credit-ledger.ts';
import { findCustomer } from '../customers/customers.ts';
import { findPrice } from '../catalog/prices.ts';
import { grouped } from '../grouped.ts';

type RenderedGrant = Wire<Stripe.Billing.CreditGrant>;

/** Renders a credit grant. */
export function renderCreditGrant(tx: Tx, grant: CreditGrantRecord): RenderedGrant {
  return {
    id: grant.id,
    object: 'billing.credit_grant',
    amount: { type: 'monetary', monetary: { currency: grant.currency, value: grant.amount } },
    applicability_config: {
      scope: grant.prices === null ? { price_type: 'metered' } : { prices: grant.prices.map((id) => ({ id })) },
    },
    category: grant.category,
    created: grant.created,
    customer: grant.customer,
    customer_account: null,
    effective_at: grant.effective_at,
    expires_at: grant.expires_at,
    livemode: false,
    metadata: grant.metadata,
    name: grant.name,
    priority: grant.priority,
    test_clock: tx.get('customer', grant.customer)?.test_clock ?? null,
    updated: grant.updated,
    voided_at: grant.voided_at,
  };
}

function find(tx: Tx, id: string, param = 'id'): CreditGrantRecord {
  const grant = tx.get('credit_grant', id);
  if (grant === undefined) throw noSuch('credit grant', id, param);
  return grant;
}

interface Scope {
  price_type: 'metered' | undefined;
  prices: { id: string | undefined }[] | undefined;
}

const scope = shape({ price_type: oneOf(['metered']), prices: list(shape({ id: text() }), 20) });

/** The prices a scope names; `null` for every metered one. */
function pricesOf(tx: Tx, read: Scope, path: string): string[] | null {
  if (read.prices === undefined) {
    if (read.price_type === undefined) throw missingParam(`${path}[price_type]`);
    return null;
  }
  if (read.price_type !== undefined) {
    throw invalidParam('You may only specify one of these parameters: price_type, prices.', `${path}[prices]`);
  }
  return read.prices.map((each, index) => {
    const param = `${path}[prices][${index}][id]`;
    const price = findPrice(tx, each.id ?? '', param);
    if (price.recurring?.meter === undefined) {
      throw invalid('Billing credits can only apply to metered prices that have a billing meter.', { param });
    }
    return price.id;
  });
}

const createTable = {
  amount: shape({ type: oneOf(['monetary']), monetary: shape({ currency: currencyCode(), value: integer(1) }) }),
  applicability_config: shape({ scope }),
  category: oneOf(['paid', 'promotional']),
  customer: text(),
  effective_at: integer(0),
  expires_at: integer(0),
  metadata: metadata(),
  name: text(100),
  priority: integer(0, 100),
};

function checkExpiry(tx: Tx, expires_at: Seconds | null): Seconds | null {
  if (expires_at !== null && expires_at <= tx.now) {
    throw invalidParam('The `expires_at` timestamp must be in the future.', 'expires_at');
  }
  return expires_at;
}

function create(context: Context, params: Read<typeof createTable>): RenderedGrant {
  const { tx } = context;
  const { monetary } = params.amount ?? {};
  if (monetary === undefined) throw missingParam('amount[monetary]');
  if (params.customer === undefined) throw missingParam('customer');
  const wanted = params.applicability_config?.scope;
  if (wanted === undefined) throw missingParam('applicability_config[scope]');
  const effective_at = params.effective_at ?? tx.now;
  const expires_at = checkExpiry(tx, params.expires_at ?? null);
  if (expires_at !== null && expires_at <= effective_at) {
    throw invalidParam('The `expires_at` timestamp must be after `effective_at`.', 'expires_at');
  }
  const grant = tx.put('credit_grant', {
    id: tx.newId('credgr_test_', 26),
    created: tx.now,
    updated: tx.now,
    amount: monetary.value ?? 0,
    category: params.category ?? 'paid',
    currency: monetary.currency ?? '',
    customer: findCustomer(tx, params.customer, 'customer').id,
    effective_at,
    expires_at,
    metadata: mergeMetadata({}, params.metadata),
    name: params.name ?? null,
    prices: pricesOf(tx, wanted, 'applicability_config[scope]'),
    priority: params.priority ?? 50,
    voided_at: null,
  });
  if (expires_at !== null) schedule(context, expires_at, 'expire_grant', grant.id);
  emit(context, 'billing.credit_grant.created', renderCreditGrant(tx, grant));
  moveCredits(context, grant, { amount: grant.amount, type: 'credits_granted', effective_at });
  return renderCreditGrant(tx, grant);
}

function replace(context: Context, old: CreditGrantRecord, change: Partial<CreditGrantRecord>): CreditGrantRecord {
  const { tx } = context;
  const grant = tx.put('credit_grant', { ...old, ...change, updated: tx.now });
  emitUpdate(context, 'billing.credit_grant.updated', renderCreditGrant(tx, old), renderCreditGrant(tx, grant));
  return grant;
}

function refuseEnded(tx: Tx, grant: CreditGrantRecord, verb: string): void {
  const ended = grant.voided_at !== null ? 'voided' : (grant.expires_at ?? Infinity) <= tx.now ? 'expired' : null;
  if (ended !== null) throw invalid(`You cannot ${verb} a credit grant that has ${ended}.`);
}

function takeRest(context: Context, grant: CreditGrantRecord, type: 'credits_expired' | 'credits_voided'): void {
  const left = remainderOf(context.tx, grant.id);
  if (left > 0) moveCredits(context, grant, { amount: -left, type });
}

/** `expires_at` has come. */
export function expireGrant(context: Context, id: string): void {
  const grant = context.tx.get('credit_grant', id);
  if (grant === undefined || grant.voided_at !== null) return;
  takeRest(context, grant, 'credits_expired');
}

function expire(context: Context, id: string): RenderedGrant {
  const { tx } = context;
  const old = find(tx, id);
  refuseEnded(tx, old, 'expire');
  unschedule(context, 'expire_grant', id);
  const grant = replace(context, old, { expires_at: tx.now });
  takeRest(context, grant, 'credits_expired');
  return renderCreditGrant(tx, grant);
}

function voidGrant(context: Context, id: string): RenderedGrant {
  const { tx } = context;
  const old = find(tx, id);
  refuseEnded(tx, old, 'void');
  const used = tx.all('credit_transaction').some((each) => each.credit_grant === id && each.type === 'credits_applied');
  if (used) throw invalid('You cannot void a credit grant that has been applied to an invoice. Expire it instead.');
  unschedule(context, 'expire_grant', id);
  const grant = replace(context, old, { voided_at: tx.now });
  takeRest(context, grant, 'credits_voided');
  return renderCreditGrant(tx, grant);
}

const summaryTable = {
  customer: text(),
  filter: shape({
    applicability_scope: scope,
    credit_grant: text(),
    type: oneOf(['applicability_scope', 'credit_grant']),
  }),
};

function chosen(tx: Tx, params: Read<typeof summaryTable>, customer: string): CreditGrantRecord[] {
  const { applicability_scope, credit_grant, type } = params.filter ?? {};
  const own = tx.all('credit_grant').filter((grant) => grant.customer === customer);
  if (type === 'credit_grant') {
    if (credit_grant === undefined) throw missingParam('filter[credit_grant]');
    const { id } = find(tx, credit_grant, 'filter[credit_grant]');
    return own.filter((grant) => grant.id === id);
  }
  if (applicability_scope === undefined) throw missingParam('filter[applicability_scope]');
  const prices = pricesOf(tx, applicability_scope, 'filter[applicability_scope]');
  return own.filter((grant) =>
    prices === null || grant.prices === null
      ? prices === grant.prices
      : prices.every((price) => grant.prices?.includes(price)),
  );
}

/** Per currency: the ledger holds what has become effective and is not used, what is available can also pay now. */
function summary({ tx }: Context, params: Read<typeof summaryTable>): Wire<Stripe.Billing.CreditBalanceSummary> {
  if (params.customer === undefined) throw missingParam('customer');
  const customer = findCustomer(tx, params.customer, 'customer').id;
  const effective = chosen(tx, params, customer).filter((grant) => grant.effective_at <= tx.now);
  const balances = [...grouped(effective, (grant) => grant.currency)].map(([currency, grants]) => {
    const sum = (of: CreditGrantRecord[]): number => of.reduce((all, grant) => all + remainderOf(tx, grant.id), 0);
    const money = (value: number): { type: 'monetary'; monetary: { currency: string; value: number } } => ({
      type: 'monetary',
      monetary: { currency, value },
    });
    return {
      available_balance: money(sum(grants.filter((grant) => isUsable(grant, tx.now)))),
      ledger_balance: money(sum(grants)),
    };
  });
  return { object: 'billing.credit_balance_summary', balances, customer, customer_account: null, livemode: false };
}

export const creditGrantRoutes = [
  route('POST /v1/billing/credit_grants', createTable, create),
  route('GET /v1/billing/credit_grants/{id}', {}, ({ tx }, _params, id) => renderCreditGrant(tx, find(tx, id))),
  route(
    'POST /v1/billing/credit_grants/{id}',
    { expires_at: emptyable(integer(0)), metadata: metadata() },
    (context, params, id) => {
      const { tx } = context;
      const old = find(tx, id);
      const expires_at = params.expires_at === undefined ? old.expires_at : checkExpiry(tx, params.expires_at);
      if (expires_at !== old.expires_at) {
        refuseEnded(tx, old, 'change the expiry of');
        unschedule(context, 'expire_grant', id);
        if (expires_at !== null) schedule(context, expires_at, 'expire_grant', id);
      }
      const grant = replace(context, old, { expires_at, metadata: mergeMetadata(old.metadata, params.metadata) });
      return renderCreditGrant(tx, grant);
    },
  ),
  route('GET /v1/billing/credit_grants', { ...pageParams, customer: text() }, ({ tx }, params) => {
    const wanted = tx.all('credit_grant').filter((grant) => (params.customer ?? grant.customer) === grant.customer);
    return page('/v1/billing/credit_grants', wanted, params, 'credit grant', (each) => renderCreditGrant(tx, each));
  }),
  route('POST /v1/billing/credit_grants/{id}/expire', {}, (context, _params, id) => expire(context, id)),
  route('POST /v1/billing/credit_grants/{id}/void', {}, (context, _params, id) => voidGrant(context, id)),
  route('GET /v1/billing/credit_balance_summary', summaryTable, summary),
  route(
    'GET /v1/billing/credit_balance_transactions',
    { ...pageParams, customer: text(), credit_grant: text() },
    ({ tx }, params) => {
      const wanted = tx.all('credit_transaction').filter((moved) => {
        if (params.credit_grant !== undefined && moved.credit_grant !== params.credit_grant) return false;
        return (
          params.customer === undefined || tx.need('credit_grant', moved.credit_grant).customer === params.customer
        );
      });
      const url = '/v1/billing/credit_balance_transactions';
      return page(url, wanted, params, 'credit balance transaction', (each) => renderCreditTransaction(tx, each));
    },
  ),
  route('GET /v1/billing/credit_balance_transactions/{id}', {}, ({ tx }, _params, id) => {
    const moved = tx.get('credit_transaction', id);
    if (moved === undefined) throw noSuch('credit balance transaction', id);
    return renderCreditTransaction(tx, moved);
  }),
];
