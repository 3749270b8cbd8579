import { missingParam } from '../../contract/contract.ts';
import { invalid, invalidParam, noSuch } from '../../http/api-error.ts';
import { page, pageParams } from '../../http/lists.ts';
import { list, mergeMetadata, metadata, oneOf, type Read, shape, text, named } from '../../http/params.ts';
import { route } from '../../http/route.ts';
import type { InvoiceRecord, LineRecord } from '../../store/records.ts';
import { findTaxRates } from '../catalog/tax-rates.ts';
import type { Context } from '../context.ts';
import { updateInvoice } from '../subscriptions/subscription-end.ts';
import { redeemAll } from './discounts.ts';
import { lineOfInvoiceItem } from './invoice-draft.ts';
import { putOnInvoice, removeItem } from './invoice-item-record.ts';
import { changeItem, checkCurrency, checkRoom, draftOf, itemFields, newItem, renewedLine } from './invoice-items.ts';
import { renderInvoice, renderLine } from './invoice-render.ts';
import { findInvoice } from './invoices.ts';
import { costFields } from './item-costs.ts';
import { checkTaxes, taxAmountsOf, taxAmountsParam } from './tax-amounts.ts';

const { unit_amount_decimal: _unit, ...costs } = costFields;

/** What may be said of a line of a draft. */
const lineFields = { ...itemFields, ...costs, tax_amounts: taxAmountsParam };

type LineParams = Partial<Read<typeof lineFields>>;

/** Lines at once. */
const MOST_LINES = 250;

const addTable = {
  invoice_metadata: metadata(),
  lines: list(shape({ ...lineFields, invoice_item: text() }), MOST_LINES),
};

const updateTable = { invoice_metadata: metadata(), lines: list(shape({ ...lineFields, id: text() }), MOST_LINES) };

const removeTable = {
  invoice_metadata: metadata(),
  lines: list(shape({ behavior: oneOf(['delete', 'unassign']), id: text() }), MOST_LINES),
};

/** The line with the taxes a request gives, or takes away again. */
function taxed(context: Context, line: LineRecord, params: LineParams, path: string): LineRecord {
  if (params.tax_amounts === undefined) return line;
  const { tax_amounts: _old, ...bare } = line;
  const tax_amounts = taxAmountsOf(context, params.tax_amounts ?? [], path);
  return tax_amounts.length === 0 ? bare : { ...bare, tax_amounts };
}

/** Puts an item that waits on a draft, with what is said of it besides. */
function assigned(context: Context, invoice: InvoiceRecord, id: string, params: LineParams, path: string): LineRecord {
  const { tx } = context;
  const param = named(path, 'invoice_item');
  const item = tx.get('invoice_item', id);
  if (item === undefined || item.customer !== invoice.customer) throw noSuch('invoiceitem', id, param);
  if (item.invoice !== null) {
    throw invalid(`The invoice item ${id} is already on the invoice ${item.invoice}.`, { param });
  }
  if (item.subscription !== null && item.subscription !== invoice.subscription) {
    throw invalid(`The invoice item ${id} belongs to the subscription ${item.subscription}.`, { param });
  }
  checkCurrency(invoice, item.currency, param);
  return lineOfInvoiceItem(context, putOnInvoice(context, changeItem(context, item, params, path), invoice.id));
}

function addLines(context: Context, params: Read<typeof addTable>, id: string): object {
  const invoice = draftOf(context.tx, id, 'id');
  const sent = params.lines ?? [];
  checkRoom(invoice, sent.length, 'lines');
  const { currency, customer, subscription } = invoice;
  const added = sent.map(({ invoice_item, ...each }, index) => {
    const path = `lines[${index}]`;
    const line =
      invoice_item === undefined
        ? lineOfInvoiceItem(context, newItem(context, each, { currency, customer, invoice, subscription }, path))
        : assigned(context, invoice, invoice_item, each, path);
    return taxed(context, line, each, path);
  });
  return written(context, invoice, [...invoice.lines, ...added], params.invoice_metadata);
}

/** Writes a draft with other lines, and answers with it. */
function written(
  context: Context,
  old: InvoiceRecord,
  lines: LineRecord[],
  change: ReturnType<ReturnType<typeof metadata>['read']> | undefined,
): object {
  checkTaxes({ ...old, lines }, 'lines');
  const invoice = updateInvoice(context, old, { lines, metadata: mergeMetadata(old.metadata, change) });
  return renderInvoice(context.tx, invoice, context.account_name);
}

/** What a subscription bills follows from it and its prices. */
const ofSubscription = ['amount', 'period', 'price_data', 'pricing', 'quantity', 'quantity_decimal'] as const;

/** A line of a subscription item keeps what it bills; the rest may be said otherwise. */
function changedOfSubscription(
  context: Context,
  invoice: InvoiceRecord,
  line: LineRecord,
  params: LineParams,
  path: string,
): LineRecord {
  const fixed = ofSubscription.find((name) => params[name] !== undefined);
  if (fixed !== undefined) {
    throw invalidParam(
      `You cannot change \`${fixed}\` of a line of a subscription item: it follows from the subscription. Add a line instead.`,
      named(path, fixed),
    );
  }
  const { customer, currency, id } = invoice;
  const has = [...(line.discounts ?? []), ...(invoice.discounts ?? [])];
  const edited: LineRecord['edited'] = {
    ...line.edited,
    ...(params.description === undefined ? {} : { description: params.description }),
    ...(params.discountable === undefined ? {} : { discountable: params.discountable }),
    ...(params.discounts === undefined
      ? {}
      : {
          discounts: redeemAll(
            context,
            params.discounts ?? [],
            { customer, invoice: id },
            { currency, amount: line.amount, has },
          ),
        }),
    // What is sent takes the place of all there was, which came from the subscription and its item.
    ...(params.metadata === undefined ? {} : { metadata: mergeMetadata({}, params.metadata) }),
    ...(params.tax_rates === undefined
      ? {}
      : { tax_rates: findTaxRates(context.tx, params.tax_rates ?? [], named(path, 'tax_rates')) }),
  };
  return { ...line, ...edited, edited };
}

function changedLine(
  context: Context,
  invoice: InvoiceRecord,
  line: LineRecord,
  params: LineParams,
  path: string,
): LineRecord {
  const { tx } = context;
  if (line.invoice_item === null) {
    const changed = taxed(context, changedOfSubscription(context, invoice, line, params, path), params, path);
    const { tax_amounts } = changed;
    const { tax_amounts: _old, ...edited } = changed.edited ?? {};
    return { ...changed, edited: { ...edited, ...(tax_amounts === undefined ? {} : { tax_amounts }) } };
  }
  const item = changeItem(context, tx.need('invoice_item', line.invoice_item), params, path);
  return taxed(context, renewedLine(context, line, item), params, path);
}

function lineOf(invoice: InvoiceRecord, id: string | undefined, param: string): LineRecord {
  if (id === undefined) throw missingParam(param);
  const line = invoice.lines.find((each) => each.id === id);
  if (line === undefined) throw noSuch('line_item', id, param);
  return line;
}

function updateLines(context: Context, params: Read<typeof updateTable>, id: string): object {
  const invoice = draftOf(context.tx, id, 'id');
  let { lines } = invoice;
  for (const [index, each] of (params.lines ?? []).entries()) {
    const path = `lines[${index}]`;
    const old = lineOf({ ...invoice, lines }, each.id, `${path}[id]`);
    const line = changedLine(context, invoice, old, each, path);
    lines = lines.map((one) => (one.id === old.id ? line : one));
  }
  return written(context, invoice, lines, params.invoice_metadata);
}

function updateLine(context: Context, params: LineParams, ids: string): object {
  const { tx } = context;
  const [invoice_id = '', id = ''] = ids.split('/');
  const invoice = draftOf(tx, invoice_id, 'id');
  const old = lineOf(invoice, id, 'id');
  const line = changedLine(context, invoice, old, params, '');
  const lines = invoice.lines.map((each) => (each.id === old.id ? line : each));
  written(context, invoice, lines, undefined);
  return renderLine(tx, lineOf(tx.need('invoice', invoice_id), id, 'id'), invoice_id);
}

function removeLines(context: Context, params: Read<typeof removeTable>, id: string): object {
  const { tx } = context;
  const invoice = draftOf(tx, id, 'id');
  let { lines } = invoice;
  for (const [index, { behavior, id: line_id }] of (params.lines ?? []).entries()) {
    const line = lineOf({ ...invoice, lines }, line_id, `lines[${index}][id]`);
    if (line.invoice_item === null) {
      throw invalid(
        `The line ${line.id} bills a subscription item and cannot be removed. Change the subscription, or add a line that credits it.`,
        { param: `lines[${index}][id]` },
      );
    }
    const item = tx.need('invoice_item', line.invoice_item);
    if (behavior === 'unassign') tx.put('invoice_item', { ...item, invoice: null });
    else removeItem(context, item);
    lines = lines.filter((each) => each.id !== line.id);
  }
  return written(context, invoice, lines, params.invoice_metadata);
}

export const invoiceLineRoutes = [
  route('GET /v1/invoices/{id}/lines', pageParams, ({ tx }, params, id) => {
    const invoice = findInvoice(tx, id);
    const lines = invoice.lines.toReversed();
    return page(`/v1/invoices/${id}/lines`, lines, params, 'line_item', (line) => renderLine(tx, line, id));
  }),
  route('POST /v1/invoices/{id}/add_lines', addTable, addLines),
  route('POST /v1/invoices/{id}/update_lines', updateTable, updateLines),
  route('POST /v1/invoices/{id}/remove_lines', removeTable, removeLines),
  route('POST /v1/invoices/{id}/lines/{id}', lineFields, updateLine),
];
