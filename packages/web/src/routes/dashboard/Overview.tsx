import { useSearch } from '@tanstack/react-router';
import { ModeMark } from '../../features/accounts/ModeMark.tsx';
import { VerifyNotice } from '../../features/accounts/VerifyNotice.tsx';
import { InvoicesPanel } from '../../features/invoices/InvoicesPanel.tsx';
import { UpcomingPanel } from '../../features/invoices/UpcomingPanel.tsx';
import { FirstKeyPanel } from '../../features/keys/FirstKeyPanel.tsx';
import { KeysPanel } from '../../features/keys/KeysPanel.tsx';
import { PaymentMethodsPanel } from '../../features/payment-methods/PaymentMethodsPanel.tsx';
import { PlanPanel } from '../../features/plan/PlanPanel.tsx';
import { statusWords } from '../../features/plan/subscription-words.ts';
import { StateNotices } from '../../features/state/StateNotices.tsx';
import { AddOnsPanel } from '../../features/subscription/AddOnsPanel.tsx';
import { useLiveUsage } from '../../features/usage/api.ts';
import { UsageCards } from '../../features/usage/UsageCards.tsx';
import { UsagePanel } from '../../features/usage/UsagePanel.tsx';
import { formatPeriod } from '../../lib/format.ts';
import { useSeller } from '../../lib/session.ts';
import type { Me, Subscription } from '../../lib/wire.ts';
import { Notice } from '../../ui/Notice.tsx';
import { PageHead } from '../../ui/PageHead.tsx';
import classes from './DashboardPage.module.css';

/** Everything about a running subscription on one page. */
export function Overview({ me, subscription }: { me: Me; subscription: Subscription }) {
  const live = useLiveUsage();
  const { plan }: { plan?: string } = useSearch({ from: '/dashboard' });
  const seller = useSeller();
  const words = statusWords(subscription);
  return (
    <div className={classes.page}>
      <PageHead
        title="Overview"
        mark={<ModeMark />}
        lead={`${formatPeriod(subscription.current_period_start_at, subscription.current_period_end_at)} · ${words.tone === 'bad' ? words.label : words.sentence}`}
      />
      {words.tone === 'bad' && subscription.status !== 'past_due' ? (
        <Notice tone="bad" title={words.label}>
          {words.sentence}
        </Notice>
      ) : null}
      <StateNotices customerId={subscription.customer_id} />
      {plan !== undefined && plan !== subscription.plan_id ? (
        <Notice tone="info" title={`You already have the ${subscription.plan_name} plan.`}>
          No second checkout was opened and nothing was charged. <a href="#plan">Change your plan</a> instead.
        </Notice>
      ) : null}
      {me.user.email_verified ? null : <VerifyNotice email={me.user.email} inbox_url={seller?.inbox_url ?? null} />}
      <FirstKeyPanel />
      <UsageCards live={live} />
      <div className={classes.wide}>
        <UsagePanel live={live} />
        <PlanPanel subscription={subscription} />
      </div>
      <div className={classes.halves}>
        <AddOnsPanel subscription={subscription} />
        <InvoicesPanel />
        <UpcomingPanel />
        <KeysPanel />
        <PaymentMethodsPanel />
      </div>
    </div>
  );
}
