import { Button } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { useCallback, useState } from 'react';
import { PaymentWatch } from '../../features/plan/PaymentWatch.tsx';
import { useMe, useSeller } from '../../lib/session.ts';
import { Narrow } from '../../ui/Narrow.tsx';
import { Notice } from '../../ui/Notice.tsx';

/** How long “confirmed” stands before the dashboard opens: long enough to be read. */
const read_ms = 1_200;

/** Where the payment page sends the buyer back to. */
export function ReturnPage() {
  const { checkout_session } = useSearch({ from: '/checkout/return' });
  const seller = useSeller();
  const me = useMe();
  const navigate = useNavigate();
  const queries = useQueryClient();
  const [paid, setPaid] = useState(false);

  const onPaid = useCallback(() => {
    setPaid(true);
    queries.removeQueries({ predicate: (query) => !['me', 'seller', 'checkout'].includes(String(query.queryKey[0])) });
    setTimeout(() => void navigate({ to: '/dashboard', replace: true }), read_ms);
  }, [queries, navigate]);

  const signedOut = me.data === null;
  return (
    <Narrow brand={seller?.name ?? ''} title={paid ? 'Payment confirmed' : 'Confirming your payment'}>
      {signedOut ? (
        <Notice tone="warn" title="You are signed out.">
          Sign in to see your plan; the payment is not lost.
        </Notice>
      ) : null}
      {signedOut ? (
        <Button component="a" href="/sign-in?next=/dashboard" size="md">
          Sign in
        </Button>
      ) : null}
      {!signedOut && checkout_session !== undefined ? (
        <PaymentWatch checkout_session={checkout_session} onPaid={onPaid} />
      ) : null}
      {!signedOut && checkout_session === undefined ? (
        <Notice tone="bad" title="This address is incomplete.">
          It does not say which checkout it is about. <a href="/dashboard">Open the dashboard</a>: it shows what you
          have.
        </Notice>
      ) : null}
    </Narrow>
  );
}
