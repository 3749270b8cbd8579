import { useNavigate, useSearch } from '@tanstack/react-router';
import { useEffect, useRef } from 'react';
import { ModeMark } from '../../features/accounts/ModeMark.tsx';
import { VerifyNotice } from '../../features/accounts/VerifyNotice.tsx';
import { InvoicesPanel } from '../../features/invoices/InvoicesPanel.tsx';
import { useCheckout } from '../../features/plan/api.ts';
import { CheckoutFault } from '../../features/plan/CheckoutFault.tsx';
import { PlanPicker } from '../../features/plan/PlanPicker.tsx';
import { statusWords } from '../../features/plan/subscription-words.ts';
import { useSeller } from '../../lib/session.ts';
import type { Me, Subscription } from '../../lib/wire.ts';
import { Notice } from '../../ui/Notice.tsx';
import { PageHead } from '../../ui/PageHead.tsx';
import classes from './DashboardPage.module.css';

/** The dashboard of somebody without a subscription: the plans. With `?plan=` the checkout of that plan opens at once. */
export function Welcome({ me, ended }: { me: Me; ended: Subscription | null }) {
  const { plan }: { plan?: string } = useSearch({ from: '/dashboard' });
  const navigate = useNavigate();
  const checkout = useCheckout();
  const seller = useSeller();
  const asked = useRef(false);

  useEffect(() => {
    if (plan === undefined || asked.current) return;
    asked.current = true;
    checkout.mutate({ plan_id: plan });
    // Coming back from the payment page must show the plans, not open it again.
    void navigate({ to: '/dashboard', search: {}, replace: true });
  }, [plan, checkout, navigate]);

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
