import { lineTotal } from '../resources/invoices/credit-note-lines.ts';
import { formatAmount } from '../billing/money.ts';
import type { CreditNoteRecord } from '../store/money-records.ts';
import type { Tx } from '../store/store.ts';
import { notice } from './html.ts';
import type { PageDeps, PageRequest } from './pages.ts';
import { type PdfRow, writePdf } from './pdf.ts';

function facts(tx: Tx, note: CreditNoteRecord): [string, string][] {
  const invoice = tx.need('invoice', note.invoice);
  return [
    ['Credit note number', note.number],
    ['Invoice', invoice.number ?? invoice.id],
    ['Date of issue', new Date(note.effective_at * 1000).toISOString().slice(0, 10)],
    ['Credited to', [invoice.customer_name, invoice.customer_email].filter(Boolean).join(', ') || note.customer],
    ['Status', note.voided_at === null ? 'Issued' : 'Void'],
  ];
}

function pdfOf(tx: Tx, note: CreditNoteRecord, account_name: string): Response {
  const amount = (value: number): string => formatAmount(value, note.currency);
  const rows: PdfRow[] = [
    {
      height: 24,
      texts: [
        { text: 'Credit note', x: 56, size: 22, bold: true },
        { text: account_name, x: 539, size: 13, bold: true, right: true },
      ],
    },
    { height: 26, texts: [{ text: 'Test mode: no money moved.', x: 56, size: 9 }] },
    ...facts(tx, note).map(([label, value]) => ({
      height: 16,
      texts: [
        { text: label, x: 56, size: 10 },
        { text: value, x: 170, size: 10, bold: true },
      ],
    })),
    ...note.lines.map((line) => ({
      height: 22,
      rule: true,
      texts: [
        { text: (line.description ?? 'Credit').slice(0, 72), x: 56, size: 10 },
        { text: amount(lineTotal(line)), x: 539, size: 10, right: true },
      ],
    })),
    {
      height: 24,
      texts: [
        { text: 'Total credited', x: 330, size: 10, bold: true },
        { text: amount(note.pre_payment_amount + note.post_payment_amount), x: 539, size: 10, bold: true, right: true },
      ],
    },
  ];
  return new Response(writePdf(`Credit note ${note.number}`, rows), {
    headers: {
      'content-type': 'application/pdf',
      'content-disposition': `inline; filename="credit-note-${note.number}.pdf"`,
      'cache-control': 'no-store',
    },
  });
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
