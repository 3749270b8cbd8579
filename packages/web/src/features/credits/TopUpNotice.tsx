import { formatMoney } from '@farebox/core';
import { useQueryClient } from '@tanstack/react-query';
import { useEffect } from 'react';
import { faultText } from '../../lib/http.ts';
import { Notice } from '../../ui/Notice.tsx';
import { useTopUpState } from './top-up-api.ts';

/** What became of a purchase of credit, for who comes back from the payment page. */
export function TopUpNotice({ customerId, topUp }: { customerId: string; topUp: string }) {
  const found = useTopUpState(customerId, topUp);
  const queries = useQueryClient();
  const state = found.data?.state;
  useEffect(() => {
    if (state !== 'paid') return;
    const own = `/v1/customers/${encodeURIComponent(customerId)}`;
    void queries.invalidateQueries({
      predicate: ({ queryKey: [key] }) => String(key).startsWith(own) || String(key).includes('invoices'),
    });
  }, [state, queries, customerId]);
  if (found.isError) return <Notice tone="bad">{faultText(found.error)}</Notice>;
  if (found.data === undefined) return <Notice tone="info">Looking for your payment…</Notice>;
  const amount = formatMoney(found.data.amount_minor, found.data.currency);
  switch (found.data.state) {
    case 'paid':
      return (
        <Notice tone="good" title={`${amount} of credit is yours.`}>
          It pays for usage before your card does. The receipt is among your invoices.
        </Notice>
      );
    case 'open':
      return (
        <Notice tone="info" title="The payment is not made yet.">
          {found.data.url === null ? (
            'This page shows when it is.'
          ) : (
            <a href={found.data.url}>Go on with the payment</a>
          )}
        </Notice>
      );
    case 'failed':
      return (
        <Notice tone="bad" title="The payment failed.">
          {found.data.failure_reason} Nothing was charged.
        </Notice>
      );
    case 'expired':
      return <Notice tone="warn">The payment page was closed. Nothing was charged.</Notice>;
  }
}
