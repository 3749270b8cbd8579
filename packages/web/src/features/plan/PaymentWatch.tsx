import { Button, Loader } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { HttpFault } from '../../lib/http.ts';
import { useSeller } from '../../lib/session.ts';
import { Notice } from '../../ui/Notice.tsx';
import { readCheckout } from './api.ts';
import { paymentStep } from './payment-step.ts';
import classes from './PaymentWatch.module.css';

/** How often the server is asked; each question makes it look at Stripe. */
const poll_ms = 1_500;

interface PaymentWatchProps {
  checkout_session: string;
  onPaid: () => void;
}

/** Follows one checkout until it is paid, and says what to do when it is not. */
export function PaymentWatch({ checkout_session, onPaid }: PaymentWatchProps) {
  const waited_ms = useWaited();
  const session = useQuery({
    queryKey: ['checkout', checkout_session],
    queryFn: ({ signal }) => readCheckout(checkout_session, signal),
    refetchInterval: ({ state }) => (state.data?.state === 'open' || !state.data?.subscription ? poll_ms : false),
    retry: false,
  });
  const missing = session.error instanceof HttpFault && [403, 404].includes(session.error.status);
  const step = missing ? 'unknown' : paymentStep(session.data, waited_ms);
  useEffect(() => {
    if (step === 'paid') onPaid();
  }, [step, onPaid]);
  return <Step step={step} url={session.data?.url ?? null} />;
}

function Step({ step, url }: { step: ReturnType<typeof paymentStep> | 'unknown'; url: string | null }) {
  const support = useSeller()?.support_email;
  switch (step) {
    case 'waiting':
    case 'preparing':
    case 'paid':
      return (
        <div className={classes.waiting} role="status">
          <Loader size="sm" />
          {step === 'waiting' ? 'This takes a few seconds. Please keep this page open.' : null}
          {step === 'preparing' ? 'Payment received. Your first key is being made.' : null}
          {step === 'paid' ? 'All set. Opening your dashboard.' : null}
        </div>
      );
    case 'unpaid':
      return (
        <Notice tone="warn" title="No payment has arrived yet.">
          Finish it on the payment page, or choose another plan. If you did pay, stay here: this page keeps looking.
          <Choices url={url} />
        </Notice>
      );
    case 'slow':
      return (
        <Notice tone="warn" title="This takes longer than it should.">
          Your payment was received and is safe. This page keeps looking; your dashboard will show the plan as soon as
          it is ready.{support ? ` Questions: ${support}` : ''}
          <Choices url={null} />
        </Notice>
      );
    case 'expired':
      return (
        <Notice tone="bad" title="This checkout has expired.">
          Nothing was charged. Choose a plan to start again.
          <Choices url={null} />
        </Notice>
      );
    case 'unknown':
      return (
        <Notice tone="bad" title="This checkout is not known.">
          It may belong to another account. Your dashboard shows what you have.
          <Choices url={null} />
        </Notice>
      );
  }
}

function Choices({ url }: { url: string | null }) {
  return (
    <div className={classes.choices}>
      {url ? (
        <Button component="a" href={url} size="xs">
          Back to the payment page
        </Button>
      ) : null}
      <Button component="a" href="/dashboard" size="xs" variant="default">
        Open the dashboard
      </Button>
    </div>
  );
}

/** Milliseconds since this was mounted, in steps of a second. */
function useWaited(): number {
  const [waited_ms, setWaited] = useState(0);
  useEffect(() => {
    const timer = setInterval(() => setWaited((before) => before + 1_000), 1_000);
    return () => clearInterval(timer);
  }, []);
  return waited_ms;
}
