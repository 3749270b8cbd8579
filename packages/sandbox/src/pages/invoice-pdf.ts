import { formatAmount } from '../billing/money.ts';
import type { InvoiceRecord } from '../store/records.ts';
import type { Tx } from '../store/store.ts';
import { factsOf, headline, shownAmount, shownQuantity, span, totalsOf } from './invoice-facts.ts';
import type { PdfPage, PdfRow } from './pdf.ts';
import { factRows, heading, pdfResponse, short, sumRow } from './pdf-parts.ts';

/** Of `auto`, Stripe gives letters to everybody but the Japanese; what was never asked for stays A4. */
function pageOf(tx: Tx, invoice: InvoiceRecord): PdfPage {
  const wanted = invoice.rendering?.page_size ?? 'a4';
  if (wanted !== 'auto') return wanted;
  const [locale = ''] = tx.need('customer', invoice.customer).preferred_locales;
  return locale.startsWith('ja') ? 'a4' : 'letter';
}

function paragraph(text: string | null): PdfRow[] {
  const words = (text ?? '').split(/\s+/).filter((word) => word !== '');
  const rows: string[] = [];
  for (const word of words) {
    const last = rows.at(-1);
    if (last === undefined || last.length + word.length > 94) rows.push(word);
    else rows[rows.length - 1] = `${last} ${word}`;
  }
  return rows.map((row, index) => ({
    height: index === 0 ? 26 : 13,
    texts: [{ text: short(row, 100), x: 56, size: 9 }],
  }));
}

/** The PDF of an invoice. */
export function invoicePdf(tx: Tx, invoice: InvoiceRecord, account_name: string): Response {
  const amount = (value: number): string => formatAmount(value, invoice.currency);
  const rows: PdfRow[] = [
    ...heading('Invoice', account_name),
    ...factRows(factsOf(tx, invoice)),
    { height: 40, texts: [{ text: headline(invoice), x: 56, size: 16, bold: true }] },
    ...paragraph(invoice.description),
    {
      height: 32,
      rule: true,
      texts: [
        { text: 'Description', x: 56, size: 9 },
        { text: 'Quantity', x: 430, size: 9, right: true },
        { text: 'Amount', x: 539, size: 9, right: true },
      ],
    },
    ...invoice.lines.map((line) => ({
      height: 32,
      leading: 20,
      rule: true,
      texts: [
        { text: short(line.description ?? 'Invoice item'), x: 56, size: 10 },
        { text: span(line.period), x: 56, size: 8, below: 12 },
        { text: shownQuantity(line), x: 430, size: 10, right: true },
        { text: amount(shownAmount(invoice, line)), x: 539, size: 10, right: true },
      ],
    })),
    ...totalsOf(tx, invoice).map(({ label, amount: value }) => sumRow(label, amount(value))),
    ...paragraph(invoice.footer),
  ];
  return pdfResponse(`Invoice ${invoice.number}`, rows, pageOf(tx, invoice));
}
