import { useSearch } from '@tanstack/react-router';
import { ModeMark } from '../../features/accounts/ModeMark.tsx';
import { VerifyNotice } from '../../features/accounts/VerifyNotice.tsx';
import { OwnCredits } from '../../features/credits/CreditsPanel.tsx';
import { TopUpNotice } from '../../features/credits/TopUpNotice.tsx';
import { InvoicesPanel } from '../../features/invoices/InvoicesPanel.tsx';
import { UpcomingPanel } from '../../features/invoices/UpcomingPanel.tsx';
import { FirstKeyPanel } from '../../features/keys/FirstKeyPanel.tsx';
import { KeysPanel } from '../../features/keys/KeysPanel.tsx';
import { PaymentMethodsPanel } from '../../features/payment-methods/PaymentMethodsPanel.tsx';
import { usePlans } from '../../features/plan/api.ts';
import { CheckoutFault } from '../../features/plan/CheckoutFault.tsx';
import { namesWords } from '../../features/plan/plan-words.ts';
import { PlanPicker } from '../../features/plan/PlanPicker.tsx';
import { statusWords } from '../../features/plan/subscription-words.ts';
import { SpendCapPanel } from '../../features/spend-cap/SpendCapPanel.tsx';
import { StateNotices } from '../../features/state/StateNotices.tsx';
import { AddOnsPanel } from '../../features/subscription/AddOnsPanel.tsx';
import { useLiveUsage } from '../../features/usage/api.ts';
import { AlertsPanel } from '../../features/usage-alerts/AlertsPanel.tsx';
import { formatPeriod } from '../../lib/format.ts';
import { useSeller } from '../../lib/session.ts';
import type { Me, Subscription } from '../../lib/wire.ts';
import { Notice } from '../../ui/Notice.tsx';
import { PageHead } from '../../ui/PageHead.tsx';
import { Panel } from '../../ui/Panel.tsx';
import { useAskedCheckout } from './asked-checkout.ts';
import classes from './DashboardPage.module.css';
import { PlanSection } from './PlanSection.tsx';

/** Everything about what a customer has, on one page: a section for each plan, and what is shared by all. */
export function Overview({ me, live }: { me: Me; live: readonly [Subscription, ...Subscription[]] }) {
  const isUpdating = useLiveUsage();
  const seller = useSeller();
  const { top_up }: { top_up?: string } = useSearch({ from: '/dashboard' });
  const plans = usePlans().data ?? [];
  const only = live.length === 1 ? live[0] : null;
  const held = live.map(({ group }) => group);
  const others = plans.filter(({ group }) => group !== null && !held.includes(group));
  const { plan, checkout } = useAskedCheckout((id) => others.some((other) => other.id === id));
  const asked = plans.find(({ id }) => id === plan);
  const had = live.find(({ group }) => group === asked?.group);
  return (
    <div className={classes.page}>
      <PageHead title="Overview" mark={<ModeMark />} lead={leadOf(live)} />
      {live.map((subscription) => (
        <StatusNotice key={subscription.id} subscription={subscription} />
      ))}
      <StateNotices customerId={live[0].customer_id} />
      {top_up === undefined ? null : <TopUpNotice customerId={live[0].customer_id} topUp={top_up} />}
      {checkout.isPending ? <Notice tone="info">Opening the payment page…</Notice> : null}
      {checkout.isError ? (
        <CheckoutFault error={checkout.error} retry={() => checkout.mutate(checkout.variables)} />
      ) : null}
      {had !== undefined && plan !== had.plan_id ? (
        <Notice tone="info" title={`You already have the ${had.plan_name} plan.`}>
          No second checkout was opened and nothing was charged. <a href="#plan">Change your plan</a> instead.
        </Notice>
      ) : null}
      {me.user.email_verified ? null : <VerifyNotice email={me.user.email} inbox_url={seller?.inbox_url ?? null} />}
      <FirstKeyPanel />
      {live.map((subscription, index) => (
        <PlanSection
          key={subscription.id}
          subscription={subscription}
          isUpdating={isUpdating}
          place={only !== null ? 'only' : index === 0 ? 'first' : 'further'}
        />
      ))}
      <div className={classes.halves}>
        {only === null ? null : <AddOnsPanel subscription={only} />}
        <InvoicesPanel />
        {only === null ? null : <UpcomingPanel group={only.group} />}
        <KeysPanel />
        <SpendCapPanel customerId={live[0].customer_id} owner="customer" />
        <AlertsPanel customerId={live[0].customer_id} />
        <OwnCredits customerId={live[0].customer_id} />
        <PaymentMethodsPanel />
      </div>
      {others.length === 0 ? null : (
        <Panel title="More to subscribe to" id="more-plans">
          <PlanPicker held={held} />
        </Panel>
      )}
    </div>
  );
}

function leadOf(live: readonly [Subscription, ...Subscription[]]): string {
  const [first] = live;
  if (live.length > 1) return `${namesWords(live)}, each with its own period and invoice`;
  const words = statusWords(first);
  const next = words.tone === 'bad' ? words.label : words.sentence;
  return `${formatPeriod(first.current_period_start_at, first.current_period_end_at)} · ${next}`;
}

function StatusNotice({ subscription }: { subscription: Subscription }) {
  const words = statusWords(subscription);
  if (words.tone !== 'bad' || subscription.status === 'past_due') return null;
  return (
    <Notice tone="bad" title={`${subscription.plan_name}: ${words.label}`}>
      {words.sentence}
    </Notice>
  );
}
