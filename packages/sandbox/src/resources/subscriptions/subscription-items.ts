import type Stripe from 'stripe';
import { missingParam } from '../../contract/contract.ts';
import type { Wire } from '../../contract/wire.ts';
import { noSuch } from '../../http/api-error.ts';
import { flag, type Read, text } from '../../http/params.ts';
import { route } from '../../http/route.ts';
import type { SubscriptionItemRecord, SubscriptionRecord } from '../../store/records.ts';
import type { Tx } from '../../store/store.ts';
import type { Context } from '../context.ts';
import { changeSubscription } from './subscription-change.ts';
import { changeParams, itemFields, type ItemEntry } from './subscription-items-params.ts';
import { renderItem } from './subscription-render.ts';

type RenderedItem = Wire<Stripe.SubscriptionItem>;

const itemTable = { ...changeParams, ...itemFields };

const createTable = { ...itemTable, subscription: text() };
const updateTable = { ...itemTable, off_session: flag() };
const deleteTable = {
  clear_usage: flag(),
  payment_behavior: changeParams.payment_behavior,
  proration_behavior: changeParams.proration_behavior,
  proration_date: changeParams.proration_date,
};

function findItem(tx: Tx, id: string): { subscription: SubscriptionRecord; item: SubscriptionItemRecord } {
  for (const subscription of tx.all('subscription')) {
    const item = subscription.ended_at === null ? subscription.items.find((each) => each.id === id) : undefined;
    if (item !== undefined) return { subscription, item };
  }
  throw noSuch('subscription_item', id);
}

/** Only what an entry of `items` has of the parameters of a request of its own. */
function entryOf(params: Partial<Read<typeof itemTable>>): ItemEntry {
  const names = Object.keys(itemFields) as (keyof typeof itemFields)[];
  return Object.fromEntries(names.filter((name) => Object.hasOwn(params, name)).map((name) => [name, params[name]]));
}

function create(context: Context, params: Read<typeof createTable>): RenderedItem {
  const { tx } = context;
  if (params.subscription === undefined) throw missingParam('subscription');
  const old = tx.get('subscription', params.subscription);
  if (old === undefined || old.ended_at !== null) throw noSuch('subscription', params.subscription, 'subscription');
  const has = new Set(old.items.map((item) => item.id));
  const changed = changeSubscription(context, old, old, { ...params, items: [entryOf(params)] });
  // A parked addition is answered as what it will be.
  const items = changed.pending_update?.change.items ?? changed.items;
  const item = items.find((each) => !has.has(each.id));
  if (item === undefined) throw new Error('The new item is not on its subscription.');
  return renderItem(tx, item, old.id);
}

function update(context: Context, params: Read<typeof updateTable>, id: string): RenderedItem {
  const { tx } = context;
  const { subscription: old } = findItem(tx, id);
  const changed = changeSubscription(context, old, old, { ...params, items: [{ ...entryOf(params), id }] });
  const item = changed.items.find((each) => each.id === id);
  if (item === undefined) throw noSuch('subscription_item', id);
  return renderItem(tx, item, old.id);
}

function remove(context: Context, params: Read<typeof deleteTable>, id: string): object {
  const { subscription } = findItem(context.tx, id);
  const entry: ItemEntry = { id, clear_usage: params.clear_usage, deleted: true };
  changeSubscription(context, subscription, subscription, { ...params, items: [entry] });
  return { id, object: 'subscription_item', deleted: true };
}

export const subscriptionItemRoutes = [
  route('POST /v1/subscription_items', createTable, create),
  route('POST /v1/subscription_items/{id}', updateTable, update),
  route('DELETE /v1/subscription_items/{id}', deleteTable, remove),
];
