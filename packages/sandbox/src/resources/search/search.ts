import type { Json, JsonObject } from '../../contract/json.ts';
import { invalid } from '../../http/api-error.ts';
import { integer, type Read, text } from '../../http/params.ts';
import { type Route, route } from '../../http/route.ts';
import { renderPrice } from '../catalog/prices.ts';
import { renderProduct } from '../catalog/products.ts';
import { type Context, toJson } from '../context.ts';
import { renderCustomer } from '../customers/customer-record.ts';
import { renderInvoice } from '../invoices/invoice-render.ts';
import { renderCharge } from '../payments/charges.ts';
import { renderPaymentIntent } from '../payments/payment-intents.ts';
import { renderSubscription } from '../subscriptions/subscription-render.ts';
import { checkClause, type Clause, type FieldType, holds, parseQuery, type Query, QueryError } from './query.ts';

/** A field of the query language: how it is searched, and where it stands in the object when not under its name. */
type Field = FieldType | { type: FieldType; at: string };

interface Searched {
  fields: Readonly<Record<string, Field>>;
  /** Every object there is, oldest first. */
  all(context: Context): object[];
}

const card = (name: string): Field => ({ type: 'token', at: `payment_method_details.card.${name}` });

/** What can be searched, by the last part of its path. https://docs.stripe.com/search#supported-query-fields-for-each-resource */
const searched: Readonly<Record<string, Searched>> = {
  charges: {
    all: ({ tx }) => tx.all('charge').map((each) => renderCharge(tx, each)),
    fields: {
      amount: 'number',
      'billing_details.address.postal_code': 'token',
      created: 'number',
      currency: 'token',
      customer: 'token',
      disputed: 'token',
      metadata: 'token',
      'payment_method_details.card.brand': card('brand'),
      'payment_method_details.card.exp_month': { type: 'number', at: 'payment_method_details.card.exp_month' },
      'payment_method_details.card.exp_year': { type: 'number', at: 'payment_method_details.card.exp_year' },
      'payment_method_details.card.fingerprint': card('fingerprint'),
      'payment_method_details.card.last4': card('last4'),
      refunded: 'token',
      status: 'token',
    },
  },
  customers: {
    all: ({ tx }) => tx.all('customer').flatMap((each) => (each.deleted ? [] : [renderCustomer(each)])),
    fields: { created: 'number', email: 'string', metadata: 'token', name: 'string', phone: 'string' },
  },
  invoices: {
    all: ({ tx, account_name }) => tx.all('invoice').map((each) => renderInvoice(tx, each, account_name)),
    fields: {
      created: 'number',
      currency: 'token',
      customer: 'token',
      last_finalization_error_code: { type: 'token', at: 'last_finalization_error.code' },
      last_finalization_error_type: { type: 'token', at: 'last_finalization_error.type' },
      metadata: 'token',
      number: 'string',
      receipt_number: 'string',
      status: 'token',
      subscription: { type: 'token', at: 'parent.subscription_details.subscription' },
      total: 'number',
    },
  },
  payment_intents: {
    all: ({ tx }) => tx.all('payment_intent').map((each) => renderPaymentIntent(tx, each)),
    fields: {
      amount: 'number',
      created: 'number',
      currency: 'token',
      customer: 'token',
      metadata: 'token',
      status: 'token',
    },
  },
  prices: {
    all: ({ tx }) => tx.all('price').map((each) => renderPrice(each)),
    fields: {
      active: 'token',
      currency: 'token',
      lookup_key: 'string',
      metadata: 'token',
      product: 'string',
      type: 'token',
    },
  },
  products: {
    all: ({ tx }) => tx.all('product').map((each) => renderProduct(each)),
    fields: {
      active: 'token',
      description: 'string',
      metadata: 'token',
      name: 'string',
      shippable: 'token',
      url: 'string',
    },
  },
  subscriptions: {
    all: ({ tx }) => tx.all('subscription').map((each) => renderSubscription(tx, each)),
    fields: { canceled_at: 'number', created: 'number', metadata: 'token', status: 'token' },
  },
};

/** What stands at `a.b.c` of an object. */
function valueAt(object: JsonObject, path: readonly string[]): string | number | boolean | null {
  let value: Json = object;
  for (const key of path) {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return null;
    value = Object.hasOwn(value, key) ? value[key] : null;
  }
  return typeof value === 'object' || value === undefined ? null : value;
}

function pathOf(clause: Clause, field: Field): readonly string[] {
  const at = typeof field === 'string' ? clause.field : field.at;
  return clause.key === null ? at.split('.') : [at, clause.key];
}

/** The conditions of a query over the fields of a resource; refuses what it does not have. */
function matcher(query: Query, name: string, { fields }: Searched): (object: JsonObject) => boolean {
  const conditions = query.clauses.map((clause) => {
    const field = Object.hasOwn(fields, clause.field) ? fields[clause.field] : undefined;
    if (field === undefined || (clause.key !== null) !== (clause.field === 'metadata')) {
      const shown = clause.key === null ? clause.field : `${clause.field}["${clause.key}"]`;
      throw new QueryError(
        `Field \`${shown}\` is an unsupported search field for resource \`${name}\`. See http://stripe.com/docs/search#query-fields-for-${name.replaceAll('_', '-')} for a list of supported fields.`,
      );
    }
    checkClause(clause, typeof field === 'string' ? field : field.type);
    const path = pathOf(clause, field);
    return (object: JsonObject) => holds(clause, valueAt(object, path));
  });
  return query.joined_by === 'OR'
    ? (object) => conditions.some((condition) => condition(object))
    : (object) => conditions.every((condition) => condition(object));
}

/** The mark of a page: the query it belongs to, and the last object before it. */
function pageAfter(query: string, id: string): string {
  return Buffer.from(JSON.stringify([query, id])).toString('base64url');
}

function readPage(page: string, query: string): string {
  let mark: unknown;
  try {
    mark = JSON.parse(Buffer.from(page, 'base64url').toString('utf8'));
  } catch (cause) {
    if (!(cause instanceof SyntaxError)) throw cause;
  }
  if (Array.isArray(mark) && mark[0] === query && typeof mark[1] === 'string') return mark[1];
  throw invalid('The page does not belong to this query.', { param: 'page', before_execution: true });
}

const table = { query: text(), limit: integer(1, 100), page: text() };

function search(name: string, of: Searched, context: Context, params: Read<typeof table>): object {
  const { query = '', limit = 10, page } = params;
  let matches: (object: JsonObject) => boolean;
  try {
    matches = matcher(parseQuery(query), name, of);
  } catch (cause) {
    if (!(cause instanceof QueryError)) throw cause;
    throw invalid(cause.message, { param: 'query', before_execution: true });
  }
  const found = of.all(context).map(toJson).filter(matches).toReversed();
  const after = page === undefined ? -1 : found.findIndex((each) => each['id'] === readPage(page, query));
  const data = found.slice(after + 1, after + 1 + limit);
  const has_more = after + 1 + limit < found.length;
  const last = data.at(-1)?.['id'];
  return {
    object: 'search_result',
    data,
    has_more,
    next_page: has_more && typeof last === 'string' ? pageAfter(query, last) : null,
    // Answered only when it is expanded.
    total_count: found.length,
    url: `/v1/${name}/search`,
  };
}

export const searchRoutes: Route[] = Object.entries(searched).map(([name, of]) =>
  route(`GET /v1/${name}/search`, table, (context, params) => search(name, of, context, params)),
);
