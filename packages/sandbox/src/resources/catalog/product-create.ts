import type Stripe from 'stripe';
import type { Wire } from '../../contract/wire.ts';
import { inert, mergeMetadata, type Read, shape, text } from '../../http/params.ts';
import { route } from '../../http/route.ts';
import type { ProductRecord } from '../../store/records.ts';
import { type Context, emitUpdate } from '../context.ts';
import { createPrice, priceTable } from './prices.ts';
import { checkId, createProduct, dimensionsOf, productTable, renderProduct } from './products.ts';

const { currency, currency_options, metadata, recurring, tax_behavior, unit_amount, unit_amount_decimal } = priceTable;

const createTable = {
  ...productTable,
  default_price_data: shape({
    currency,
    currency_options,
    metadata,
    recurring,
    tax_behavior,
    unit_amount,
    unit_amount_decimal,
  }),
  id: text(255),
  name: text(),
  description: text(),
  unit_label: text(12),
  url: text(),
  type: inert('Goods and services are no longer told apart.'),
};

/** A product, and with `default_price_data` its first price, made and set as its default in the same call. */
function create(context: Context, params: Read<typeof createTable>): Wire<Stripe.Product> {
  const id = checkId(params.id);
  const product = createProduct(context, {
    ...(id === undefined ? {} : { id }),
    name: params.name ?? '',
    active: params.active ?? true,
    description: params.description ?? null,
    images: params.images ?? [],
    marketing_features: (params.marketing_features ?? []).map((feature) => feature.name ?? ''),
    metadata: mergeMetadata({}, params.metadata),
    package_dimensions: dimensionsOf(params.package_dimensions),
    shippable: params.shippable ?? null,
    statement_descriptor: params.statement_descriptor ?? null,
    tax_code: params.tax_code ?? null,
    unit_label: params.unit_label ?? null,
    url: params.url ?? null,
  });
  return renderProduct(withDefaultPrice(context, product, params.default_price_data));
}

function withDefaultPrice(
  context: Context,
  product: ProductRecord,
  data: Read<typeof createTable>['default_price_data'],
): ProductRecord {
  if (data === undefined) return product;
  const price = createPrice(context, { ...data, product: product.id });
  const priced = context.tx.put('product', { ...product, default_price: price.id });
  emitUpdate(context, 'product.updated', renderProduct(product), renderProduct(priced));
  return priced;
}

export const productCreateRoutes = [route('POST /v1/products', createTable, create)];
