import { Button } from '@mantine/core';
import type { Invoice } from '../../lib/wire-invoices.ts';
import type { useRetry } from './api.ts';

/** Whether something of the invoice is still to be paid. */
export function isOwed(invoice: Pick<Invoice, 'status'>): boolean {
  return invoice.status === 'open' || invoice.status === 'uncollectible';
}

/** Tries to collect an open invoice with the card that is saved. Where the bank wants to ask, it leads there. */
export function PayButton({ invoice, retry }: { invoice: Invoice; retry: ReturnType<typeof useRetry> }) {
  const busy = retry.isPending && retry.variables === invoice.id;
  return (
    <Button
      size="compact-xs"
      loading={busy}
      disabled={retry.isPending && !busy}
      aria-label="Pay now"
      onClick={() => retry.mutate(invoice.id)}
    >
      Pay
    </Button>
  );
}
