const MARGIN = 56;

/** Width and height in points. */
const sizes = { a4: [595, 842], letter: [612, 792] } as const;

/** What a PDF can be printed on. */
export type PdfPage = keyof typeof sizes;

/** One line of text: where it begins, how big, and whether it ends at `x` instead. */
interface PdfText {
  text: string;
  x: number;
  size: number;
  bold?: boolean;
  /** So far below the row's first line. */
  below?: number;
  /** Right-aligned at `x`. */
  right?: boolean;
}

/** A row of texts that share a height. */
export interface PdfRow {
  texts: PdfText[];
  height: number;
  /** How far below the row's top its first line stands; the whole height when left out. */
  leading?: number;
  rule?: boolean;
}

/** Widths of Helvetica's characters 32 to 126, in thousandths of its size (Adobe's metrics of the 14 standard fonts). */
const widths = (
  '278 278 355 556 556 889 667 191 333 333 389 584 278 333 278 278 556 556 556 556 556 556 556 556 556 556 278 278 584 ' +
  '584 584 556 1015 667 667 722 722 667 611 778 722 278 500 667 556 833 722 778 667 778 722 667 611 722 667 944 667 667 ' +
  '611 278 278 278 469 556 333 556 556 500 556 556 278 556 556 222 222 500 222 833 556 556 556 556 333 500 278 556 500 ' +
  '722 500 500 500 334 260 334 584'
)
  .split(' ')
  .map(Number);

function widthOf(code: number): number {
  return widths[code - 32] ?? 556;
}

function textWidth(text: string, size: number): number {
  let width = 0;
  for (const char of text) width += widthOf(char.codePointAt(0) ?? 63);
  return (width * size) / 1_000;
}

/** The characters of WinAnsi that are not Latin-1 and that invoices need. */
const winAnsi: Record<string, number> = {
  '€': 0x80,
  '…': 0x85,
  '‘': 0x91,
  '’': 0x92,
  '“': 0x93,
  '”': 0x94,
  '–': 0x96,
  '—': 0x97,
};

function literal(text: string): string {
  let out = '';
  for (const char of text) {
    const code = winAnsi[char] ?? char.codePointAt(0) ?? 63;
    const byte = code > 255 ? 63 : code;
    if (byte === 0x28 || byte === 0x29 || byte === 0x5c) out += `\\${String.fromCharCode(byte)}`;
    else if (byte < 32 || byte > 126) out += `\\${byte.toString(8).padStart(3, '0')}`;
    else out += String.fromCharCode(byte);
  }
  return `(${out})`;
}

function draw(rows: PdfRow[], [width, height]: (typeof sizes)[PdfPage]): string[] {
  const pages: string[] = [];
  let content = '';
  let y = height - MARGIN;
  for (const row of rows) {
    if (y - row.height < MARGIN && content !== '') {
      pages.push(content);
      content = '';
      y = height - MARGIN;
    }
    y -= row.height;
    for (const { text, x, size, bold = false, below = 0, right = false } of row.texts) {
      const left = right ? x - textWidth(text, size) : x;
      content += `BT /${bold ? 'B' : 'R'} ${size} Tf ${left.toFixed(2)} ${(y + row.height - (row.leading ?? row.height) - below).toFixed(2)} Td ${literal(text)} Tj ET\n`;
    }
    if (row.rule === true) {
      content += `0.8 G 0.5 w ${MARGIN} ${(y - 5).toFixed(2)} m ${width - MARGIN} ${(y - 5).toFixed(2)} l S\n`;
    }
  }
  pages.push(content);
  return pages;
}

/** Writes a PDF 1.4 of text rows, on as many pages as they need. */
export function writePdf(title: string, rows: PdfRow[], paper: PdfPage = 'a4'): Uint8Array<ArrayBuffer> {
  const [width, height] = sizes[paper];
  const pages = draw(rows, sizes[paper]);
  const first_page = 6;
  const kids = pages.map((_, index) => `${first_page + index * 2} 0 R`).join(' ');
  const font = (name: string): string =>
    `<< /Type /Font /Subtype /Type1 /BaseFont /${name} /Encoding /WinAnsiEncoding >>`;
  const objects = [
    '<< /Type /Catalog /Pages 2 0 R >>',
    `<< /Type /Pages /Kids [${kids}] /Count ${pages.length} >>`,
    font('Helvetica'),
    font('Helvetica-Bold'),
    `<< /Title ${literal(title)} /Producer (Stripe sandbox) >>`,
  ];
  for (const [index, content] of pages.entries()) {
    objects.push(
      `<< /Type /Page /Parent 2 0 R /MediaBox [0 0 ${width} ${height}] /Resources << /Font << /R 3 0 R /B 4 0 R >> >> /Contents ${first_page + index * 2 + 1} 0 R >>`,
      `<< /Length ${content.length} >>\nstream\n${content}endstream`,
    );
  }
  let file = '%PDF-1.4\n';
  const offsets = objects.map((object, index) => {
    const at = file.length;
    file += `${index + 1} 0 obj\n${object}\nendobj\n`;
    return at;
  });
  const start = file.length;
  const table = offsets.map((at) => `${String(at).padStart(10, '0')} 00000 n \n`).join('');
  file += `xref\n0 ${objects.length + 1}\n0000000000 65535 f \n${table}`;
  file += `trailer\n<< /Size ${objects.length + 1} /Root 1 0 R /Info 5 0 R >>\nstartxref\n${start}\n%%EOF\n`;
  return new Uint8Array(Buffer.from(file, 'latin1'));
}
