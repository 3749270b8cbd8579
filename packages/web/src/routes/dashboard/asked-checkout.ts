import { useNavigate, useSearch } from '@tanstack/react-router';
import { useEffect, useRef } from 'react';
import { useCheckout } from '../../features/plan/api.ts';

/** With `?plan=` in the address the checkout of that plan opens at once, where `opens` says so. */
export function useAskedCheckout(opens: (planId: string) => boolean) {
  const { plan }: { plan?: string } = useSearch({ from: '/dashboard' });
  const navigate = useNavigate();
  const checkout = useCheckout();
  const asked = useRef(false);
  const isMeant = plan !== undefined && opens(plan);

  useEffect(() => {
    if (!isMeant || asked.current) return;
    asked.current = true;
    checkout.mutate({ plan_id: plan });
    // Coming back from the payment page must show the plans, not open it again.
    void navigate({ to: '/dashboard', search: {}, replace: true });
  }, [isMeant, plan, checkout, navigate]);

  return { plan, checkout };
}
