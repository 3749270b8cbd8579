import type Stripe from 'stripe';
import type { Wire } from '../../contract/wire.ts';
import { invalid, invalidParam, noSuch } from '../../http/api-error.ts';
import { page, pageParams, range, within } from '../../http/lists.ts';
import {
  decimal,
  emptyable,
  flag,
  list,
  mergeMetadata,
  metadata,
  oneOf,
  type Param,
  type Read,
  shape,
  text,
} from '../../http/params.ts';
import { route } from '../../http/route.ts';
import type { ProductRecord } from '../../store/records.ts';
import type { Tx } from '../../store/store.ts';
import { type Context, emit, emitUpdate } from '../context.ts';

/** Renders a product. */
export function renderProduct(product: ProductRecord): Wire<Stripe.Product> {
  return {
    id: product.id,
    object: 'product',
    active: product.active,
    created: product.created,
    default_price: product.default_price,
    description: product.description,
    images: product.images,
    livemode: false,
    marketing_features: product.marketing_features.map((name) => ({ name })),
    metadata: product.metadata,
    name: product.name,
    package_dimensions: product.package_dimensions ?? null,
    shippable: product.shippable ?? null,
    statement_descriptor: product.statement_descriptor,
    tax_code: product.tax_code,
    tax_details: null,
    type: 'service',
    unit_label: product.unit_label,
    updated: product.updated,
    url: product.url,
  };
}

/** A product by its id in the path. */
export function findProduct(tx: Tx, id: string, param = 'id'): ProductRecord {
  const product = tx.get('product', id);
  if (product === undefined) throw noSuch('product', id, param);
  return product;
}

/** Writes a new product and says so. */
export function createProduct(context: Context, facts: Partial<ProductRecord> & { name: string }): ProductRecord {
  const { tx } = context;
  if (facts.id !== undefined && tx.get('product', facts.id) !== undefined) {
    throw invalid(`Product already exists.`, { code: 'resource_already_exists', param: 'id' });
  }
  const product = tx.put('product', {
    id: facts.id ?? tx.newId('prod_', 14),
    created: tx.now,
    updated: tx.now,
    active: facts.active ?? true,
    name: facts.name,
    description: facts.description ?? null,
    default_price: null,
    images: facts.images ?? [],
    marketing_features: facts.marketing_features ?? [],
    metadata: facts.metadata ?? {},
    package_dimensions: facts.package_dimensions ?? null,
    shippable: facts.shippable ?? null,
    statement_descriptor: facts.statement_descriptor ?? null,
    tax_code: facts.tax_code ?? null,
    unit_label: facts.unit_label ?? null,
    url: facts.url ?? null,
  });
  emit(context, 'product.created', renderProduct(product));
  return product;
}

const measure: Param<number> = {
  read(value, path) {
    const read = Number(decimal().read(value, path));
    if (read > 0) return read;
    throw invalidParam('This value must be greater than 0.', path);
  },
};

const dimensions = shape({ height: measure, length: measure, weight: measure, width: measure });

/** Inches and ounces, to the hundredth; all four or none. */
export function dimensionsOf(
  sent: Read<{ sent: typeof dimensions }>['sent'] | null,
): NonNullable<ProductRecord['package_dimensions']> | null {
  const { height, length, weight, width } = sent ?? {};
  if (height === undefined || length === undefined || weight === undefined || width === undefined) return null;
  return { height, length, weight, width };
}

/** What creating and changing a product share. */
export const productTable = {
  active: flag(),
  images: list(text(), 8),
  marketing_features: list(shape({ name: text(80) }), 15),
  metadata: metadata(),
  package_dimensions: emptyable(dimensions),
  shippable: flag(),
  statement_descriptor: text(22),
  tax_code: text(),
};

export function checkId(id: string | undefined): string | undefined {
  if (id !== undefined && !/^[\w.-]{1,255}$/.test(id)) throw invalidParam(`Invalid product id: ${id}`, 'id');
  return id;
}

export const productRoutes = [
  route('GET /v1/products/{id}', {}, ({ tx }, _params, id) => renderProduct(findProduct(tx, id))),
  route(
    'POST /v1/products/{id}',
    {
      ...productTable,
      name: text(),
      default_price: text(),
      description: emptyable(text()),
      images: emptyable(productTable.images),
      marketing_features: emptyable(productTable.marketing_features),
      tax_code: emptyable(text()),
      unit_label: emptyable(text(12)),
      url: emptyable(text()),
    },
    (context, params, id) => {
      const { tx } = context;
      const old = findProduct(tx, id);
      const or = <T>(given: T | undefined, kept: T): T => (given === undefined ? kept : given);
      if (params.default_price !== undefined && tx.get('price', params.default_price)?.product !== id) {
        throw noSuch('price', params.default_price, 'default_price');
      }
      const product = tx.put('product', {
        ...old,
        updated: tx.now,
        active: or(params.active, old.active),
        default_price: or(params.default_price, old.default_price ?? undefined) ?? null,
        description: or(params.description, old.description),
        images: or(params.images, old.images) ?? [],
        marketing_features:
          params.marketing_features === undefined
            ? old.marketing_features
            : (params.marketing_features ?? []).map((feature) => feature.name ?? ''),
        metadata: mergeMetadata(old.metadata, params.metadata),
        name: or(params.name, old.name),
        package_dimensions:
          params.package_dimensions === undefined
            ? (old.package_dimensions ?? null)
            : dimensionsOf(params.package_dimensions),
        shippable: params.shippable ?? old.shippable ?? null,
        statement_descriptor: params.statement_descriptor ?? old.statement_descriptor,
        tax_code: or(params.tax_code, old.tax_code),
        unit_label: or(params.unit_label, old.unit_label),
        url: or(params.url, old.url),
      });
      emitUpdate(context, 'product.updated', renderProduct(old), renderProduct(product));
      return renderProduct(product);
    },
  ),
  route('DELETE /v1/products/{id}', {}, (context, _params, id) => {
    const product = findProduct(context.tx, id);
    if (context.tx.all('price').some((price) => price.product === id)) {
      throw invalid('This product cannot be deleted because it has one or more user-created prices.');
    }
    context.tx.remove('product', id);
    emit(context, 'product.deleted', renderProduct(product));
    return { id, object: 'product', deleted: true };
  }),
  route(
    'GET /v1/products',
    {
      ...pageParams,
      active: flag(),
      created: range(),
      ids: list(text()),
      shippable: flag(),
      type: oneOf(['good', 'service']),
      url: text(),
    },
    ({ tx }, params) => {
      const wanted = tx.all('product').filter((product) => {
        if (params.active !== undefined && product.active !== params.active) return false;
        if (params.shippable !== undefined && (product.shippable ?? false) !== params.shippable) return false;
        // Every product is a service, as since goods are no longer told apart.
        if (params.type === 'good') return false;
        if (params.ids !== undefined && !params.ids.includes(product.id)) return false;
        if (params.url !== undefined && product.url !== params.url) return false;
        return within(product.created, params.created);
      });
      return page('/v1/products', wanted, params, 'product', renderProduct);
    },
  ),
];
