import type { InvoiceItemRecord } from '../../store/records.ts';
import { type Context, emit, toJson } from '../context.ts';
import { renderInvoiceItem } from './invoice-item-render.ts';

/**
 * Puts an item that waited on an invoice. The API has no event of its own for that; one that was made in the same
 * request is told of as it ends up.
 */
export function putOnInvoice(context: Context, old: InvoiceItemRecord, invoice: string): InvoiceItemRecord {
  const { tx } = context;
  const item = tx.put('invoice_item', { ...old, invoice });
  const created = context.events.find((each) => each.type === 'invoiceitem.created' && each.object['id'] === old.id);
  if (created !== undefined) created.object = toJson(renderInvoiceItem(tx, item));
  return item;
}

/** Takes an item away and says so. */
export function removeItem(context: Context, item: InvoiceItemRecord): void {
  context.tx.remove('invoice_item', item.id);
  emit(context, 'invoiceitem.deleted', renderInvoiceItem(context.tx, item));
}
