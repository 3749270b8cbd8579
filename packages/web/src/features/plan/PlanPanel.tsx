import { formatMoney } from '@farebox/core';
import { IconCheck, IconX } from '@tabler/icons-react';
import { formatPeriod } from '../../lib/format.ts';
import type { PublicPlan, Subscription } from '../../lib/wire.ts';
import { Panel } from '../../ui/Panel.tsx';
import { Status } from '../../ui/Status.tsx';
import { SubscriptionActions } from '../subscription/SubscriptionActions.tsx';
import { discountSentence, scheduledSentence } from '../subscription/words.ts';
import { usePlans } from './api.ts';
import { addOnWords, featuresBeside, limitWords } from './plan-words.ts';
import classes from './PlanPanel.module.css';
import { statusWords } from './subscription-words.ts';

/** What the customer has, and what happens next. */
export function PlanPanel({ subscription, id }: { subscription: Subscription; id: string }) {
  const plans = usePlans();
  const words = statusWords(subscription);
  const { amount_minor, currency, interval } = subscription.price;
  return (
    <Panel title="Plan" id={id} actions={<Status tone={words.tone}>{words.label}</Status>}>
      <p className={classes.name}>{subscription.plan_name}</p>
      <p className={classes.price}>
        {formatMoney(amount_minor * subscription.quantity, currency, { trim: true })} a {interval}
        {subscription.quantity > 1 ? `, ${subscription.quantity} seats` : ''}
      </p>
      <dl className={classes.list}>
        <div>
          <dt>Billing period</dt>
          <dd>{formatPeriod(subscription.current_period_start_at, subscription.current_period_end_at)}</dd>
        </div>
        <div>
          <dt>Next</dt>
          <dd data-tone={words.tone}>{words.sentence}</dd>
        </div>
        {subscription.add_ons.map((addOn) => (
          <div key={addOn.plan_id}>
            <dt>{addOn.plan_name}</dt>
            <dd>{addOnWords(addOn)}</dd>
          </div>
        ))}
        {subscription.scheduled_change === null ? null : (
          <div>
            <dt>Then</dt>
            <dd>{scheduledSentence(subscription.scheduled_change)}</dd>
          </div>
        )}
        {subscription.discounts.map((discount) => (
          <div key={discount.name}>
            <dt>Discount</dt>
            <dd>{discountSentence(discount, currency)}</dd>
          </div>
        ))}
        <Contents plans={plans.data ?? []} plan={plans.data?.find((plan) => plan.id === subscription.plan_id)} />
      </dl>
      <SubscriptionActions subscription={subscription} />
    </Panel>
  );
}

/** The price list's words for the plan; a subscriber of an older version sees the current name of each feature. */
function Contents({ plan, plans }: { plan: PublicPlan | undefined; plans: readonly PublicPlan[] }) {
  if (!plan) return null;
  return (
    <>
      {plan.limits.length === 0 ? null : (
        <div>
          <dt>Rate limits</dt>
          <dd>{plan.limits.map(limitWords).join(', ')}</dd>
        </div>
      )}
      {featuresBeside(plan, plans, plan.features).map((feature) => (
        <div key={feature.id}>
          <dt>{feature.name}</dt>
          <dd>
            {feature.enabled ? (
              <IconCheck size={16} className={classes.yes} aria-label="Included" role="img" />
            ) : (
              <IconX size={16} className={classes.no} aria-label="Not included" role="img" />
            )}
          </dd>
        </div>
      ))}
    </>
  );
}
