import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { get, post, withQuery } from '../../lib/http.ts';
import { usePages } from '../../lib/pages.ts';
import type { CreditNote, Invoice, InvoicePayment, LineExplanation, UpcomingInvoice } from '../../lib/wire-invoices.ts';
import type { GiveBackWish } from './give-back.ts';

const path = '/v1/invoices';

/** Of the customer who is signed in, or for an operator of the one who is named. */
export function useInvoices(customerId: string | undefined) {
  return usePages<Invoice>(path, { limit: 6, customer_id: customerId }, { refetch_ms: 30_000 });
}

/** Of the subscription in a group of plans. */
export function useUpcoming(group: string) {
  return useQuery({
    queryKey: ['upcoming-invoice', group],
    refetchInterval: 10_000,
    retry: false,
    queryFn: ({ signal }) => get<UpcomingInvoice>(withQuery(`${path}/upcoming`, { group }), signal),
  });
}

/** A final invoice does not change, and what it is made of neither. */
export function useExplanation(invoiceId: string, lineId: string) {
  return useQuery({
    queryKey: ['explanation', invoiceId, lineId],
    staleTime: 60_000,
    queryFn: ({ signal }) =>
      get<LineExplanation>(`${pathOf(invoiceId)}/lines/${encodeURIComponent(lineId)}/explain`, signal),
  });
}

/** Where the bank wants to ask, this site is left for its page. */
export function useRetry() {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: async (id: string): Promise<InvoicePayment> => {
      const paid = await post<InvoicePayment>(`${pathOf(id)}/retry`);
      if (paid.payment?.url) location.assign(paid.payment.url);
      return paid;
    },
    onSettled: () => queries.invalidateQueries(),
  });
}

export function useGiveBack(invoice: Pick<Invoice, 'id'>) {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: ({ path: verb, body }: GiveBackWish) => post<CreditNote>(`${pathOf(invoice.id)}/${verb}`, body),
    onSettled: () => queries.invalidateQueries({ queryKey: [path] }),
  });
}

function pathOf(id: string): string {
  return `${path}/${encodeURIComponent(id)}`;
}

/** Redirects to the document. */
export function pdfHref(invoice: Pick<Invoice, 'id'>): string {
  return `${pathOf(invoice.id)}/pdf`;
}
