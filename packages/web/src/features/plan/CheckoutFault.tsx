import { Button } from '@mantine/core';
import { Notice } from '../../ui/Notice.tsx';
import { checkoutAdvice } from './checkout-words.ts';

/** Why the checkout did not open, with the one thing to do about it. */
export function CheckoutFault({ error, retry }: { error: unknown; retry: () => void }) {
  const advice = checkoutAdvice(error);
  const href = advice.next === 'dashboard' ? '/dashboard' : '/#pricing';
  return (
    <Notice
      tone="bad"
      title={advice.title}
      actions={
        advice.next === 'retry' ? (
          <Button variant="default" size="xs" onClick={retry}>
            Try again
          </Button>
        ) : (
          <Button component="a" href={href} variant="default" size="xs">
            {advice.next === 'dashboard' ? 'Open the dashboard' : 'See the plans'}
          </Button>
        )
      }
    >
      {advice.text}
    </Notice>
  );
}
