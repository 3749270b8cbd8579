import { Button } from '@mantine/core';
import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import { useState } from 'react';
import { SignUpForm } from '../../features/accounts/SignUpForm.tsx';
import { VerifyNotice } from '../../features/accounts/VerifyNotice.tsx';
import { useCheckout } from '../../features/plan/api.ts';
import { CheckoutFault } from '../../features/plan/CheckoutFault.tsx';
import { ChosenPlan } from '../../features/plan/ChosenPlan.tsx';
import { useMe, useSeller } from '../../lib/session.ts';
import { Narrow } from '../../ui/Narrow.tsx';

/** An account first, then, with `?plan=`, straight on to the payment page. */
export function SignUpPage() {
  const { plan }: { plan?: string } = useSearch({ from: '/sign-up' });
  const navigate = useNavigate();
  const checkout = useCheckout();
  const seller = useSeller();
  const me = useMe().data;
  const [unverified, setUnverified] = useState<string | null>(null);

  function goOn(): void {
    if (plan === undefined) void navigate({ to: '/dashboard' });
    else checkout.mutate({ plan_id: plan });
  }

  const busy = checkout.isPending || checkout.isError;
  return (
    <Narrow
      brand={seller?.name ?? ''}
      title={checkout.isPending ? 'Opening the payment page' : 'Create your account'}
      lead={
        plan === undefined
          ? 'It takes a minute. Choose a plan afterwards.'
          : 'Payment comes next. Then your key is ready.'
      }
      foot={
        <>
          Have an account?{' '}
          <Link to="/sign-in" search={plan === undefined ? {} : { next: planPath(plan) }}>
            Sign in
          </Link>
        </>
      }
    >
      {plan === undefined ? null : <ChosenPlan plan_id={plan} />}
      {checkout.isError ? <CheckoutFault error={checkout.error} retry={goOn} /> : null}
      {unverified === null ? null : <VerifyNotice email={unverified} inbox_url={seller?.inbox_url ?? null} />}
      {me && !busy ? (
        <>
          <p>
            You are signed in as <strong>{me.user.email}</strong>.
          </p>
          <Button size="md" onClick={goOn}>
            {plan === undefined ? 'Open the dashboard' : 'Continue to payment'}
          </Button>
        </>
      ) : null}
      {!me && unverified === null ? (
        <SignUpForm
          submit={plan === undefined ? 'Create account' : 'Create account and pay'}
          onDone={(signedIn, email) => (signedIn ? goOn() : setUnverified(email))}
        />
      ) : null}
    </Narrow>
  );
}

function planPath(plan: string): string {
  return `/dashboard?plan=${encodeURIComponent(plan)}`;
}
