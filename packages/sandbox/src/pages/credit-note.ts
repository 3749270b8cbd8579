import { lineTotal } from '../resources/invoices/credit-note-lines.ts';
import { formatAmount } from '../billing/money.ts';
import type { CreditNoteRecord } from '../store/money-records.ts';
import type { Tx } from '../store/store.ts';
import { notice } from './html.ts';
import type { PageDeps, PageRequest } from './pages.ts';
import type { PdfRow } from './pdf.ts';
import { factRows, heading, pdfResponse, short, sumRow } from './pdf-parts.ts';

function facts(tx: Tx, note: CreditNoteRecord): { label: string; value: string }[] {
  const invoice = tx.need('invoice', note.invoice);
  return [
    { label: 'Credit note number', value: note.number },
    { label: 'Invoice', value: invoice.number ?? invoice.id },
    { label: 'Date of issue', value: new Date(note.effective_at * 1000).toISOString().slice(0, 10) },
    {
      label: 'Credited to',
      value: [invoice.customer_name, invoice.customer_email].filter(Boolean).join(', ') || note.customer,
    },
    { label: 'Status', value: note.voided_at === null ? 'Issued' : 'Void' },
  ];
}

function pdfOf(tx: Tx, note: CreditNoteRecord, account_name: string): Response {
  const amount = (value: number): string => formatAmount(value, note.currency);
  const rows: PdfRow[] = [
    ...heading('Credit note', account_name),
    ...factRows(facts(tx, note)),
    ...note.lines.map((line) => ({
      height: 22,
      rule: true,
      texts: [
        { text: short(line.description ?? 'Credit'), x: 56, size: 10 },
        { text: amount(lineTotal(line)), x: 539, size: 10, right: true },
      ],
    })),
    sumRow('Total credited', amount(note.pre_payment_amount + note.post_payment_amount), 24),
  ];
  return pdfResponse(`Credit note ${note.number}`, rows);
}

/** The PDF of a credit note: `/n/<token>/pdf`. */
export function creditNotePages(deps: PageDeps): (request: PageRequest) => Promise<Response> {
  return (request) => {
    const [token = '', part] = request.rest;
    const response = deps.store.read(deps.clock.now(), (tx) => {
      const note = tx.all('credit_note').find((each) => each.page_token === token);
      if (note === undefined || part !== 'pdf') {
        return notice('No such credit note', 'This link belongs to no credit note.', null, 404);
      }
      return pdfOf(tx, note, deps.account_name);
    });
    return Promise.resolve(response);
  };
}
