import { type PdfPage, type PdfRow, writePdf } from './pdf.ts';

/** What every paper of the sandbox begins with: what it is, and whose. */
export function heading(title: string, account_name: string): PdfRow[] {
  return [
    {
      height: 24,
      texts: [
        { text: title, x: 56, size: 22, bold: true },
        { text: account_name, x: 539, size: 13, bold: true, right: true },
      ],
    },
    { height: 26, texts: [{ text: 'Test mode: no money moved.', x: 56, size: 9 }] },
  ];
}

/** Facts, one to a row. */
export function factRows(facts: readonly { label: string; value: string }[]): PdfRow[] {
  return facts.map(({ label, value }) => ({
    height: 16,
    texts: [
      { text: label, x: 56, size: 10 },
      { text: value, x: 170, size: 10, bold: true },
    ],
  }));
}

/** A sum at the right edge. */
export function sumRow(label: string, amount: string, height = 18): PdfRow {
  return {
    height,
    texts: [
      { text: label, x: 330, size: 10, bold: true },
      { text: amount, x: 539, size: 10, bold: true, right: true },
    ],
  };
}

/** A text that does not fit one row is cut. */
export function short(text: string, most = 72): string {
  return text.length > most ? `${text.slice(0, most - 1)}…` : text;
}

/** The finished paper as an answer. */
export function pdfResponse(title: string, rows: PdfRow[], page: PdfPage = 'a4'): Response {
  return new Response(writePdf(title, rows, page), {
    headers: {
      'content-type': 'application/pdf',
      'content-disposition': `inline; filename="${title.toLowerCase().replaceAll(' ', '-')}.pdf"`,
      'cache-control': 'no-store',
    },
  });
}
