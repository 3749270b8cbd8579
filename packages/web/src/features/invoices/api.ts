import { usePages } from '../../lib/pages.ts';
import type { Invoice } from '../../lib/wire.ts';

export function useInvoices() {
  return usePages<Invoice>('/v1/invoices', { limit: 6 }, { refetch_ms: 30_000 });
}

/** Redirects to the document. */
export function pdfHref(invoice: Pick<Invoice, 'id'>): string {
  return `/v1/invoices/${encodeURIComponent(invoice.id)}/pdf`;
}
