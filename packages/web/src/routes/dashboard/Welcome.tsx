import { ModeMark } from '../../features/accounts/ModeMark.tsx';
import { VerifyNotice } from '../../features/accounts/VerifyNotice.tsx';
import { InvoicesPanel } from '../../features/invoices/InvoicesPanel.tsx';
import { CheckoutFault } from '../../features/plan/CheckoutFault.tsx';
import { PlanPicker } from '../../features/plan/PlanPicker.tsx';
import { statusWords } from '../../features/plan/subscription-words.ts';
import { useSeller } from '../../lib/session.ts';
import type { Me, Subscription } from '../../lib/wire.ts';
import { Notice } from '../../ui/Notice.tsx';
import { PageHead } from '../../ui/PageHead.tsx';
import { useAskedCheckout } from './asked-checkout.ts';
import classes from './DashboardPage.module.css';

/** The dashboard of somebody without a subscription: the plans. With `?plan=` the checkout of that plan opens at once. */
export function Welcome({ me, ended }: { me: Me; ended: Subscription | null }) {
  const { checkout } = useAskedCheckout(() => true);
  const seller = useSeller();

  return (
    <div className={classes.page}>
      <PageHead
        title={ended ? 'Choose a plan to come back' : 'Choose a plan'}
        mark={<ModeMark />}
        lead={ended ? statusWords(ended).sentence : 'Your first API key is ready as soon as the payment is.'}
      />
      {me.user.email_verified ? null : <VerifyNotice email={me.user.email} inbox_url={seller?.inbox_url ?? null} />}
      {checkout.isPending ? <Notice tone="info">Opening the payment page…</Notice> : null}
      {checkout.isError ? (
        <CheckoutFault error={checkout.error} retry={() => checkout.mutate(checkout.variables)} />
      ) : null}
      <PlanPicker />
      {ended ? <InvoicesPanel /> : null}
    </div>
  );
}
