import { formatMoney } from '@farebox/core';
import { usePlans } from './api.ts';
import classes from './ChosenPlan.module.css';
import { shownPrice } from './plan-price.ts';
import { includedWords } from './plan-words.ts';
import { useSeller } from '../../lib/session.ts';

/** Reminds of what was chosen before signing up. */
export function ChosenPlan({ plan_id }: { plan_id: string }) {
  const plan = usePlans().data?.find((one) => one.id === plan_id);
  const meters = useSeller()?.meters;
  if (!plan) return null;
  const price = shownPrice(plan);
  const usage = plan.usage[0];
  const meter = meters?.find((one) => one.id === usage?.meter_id);
  return (
    <div className={classes.chosen}>
      <div>
        <strong>{plan.name}</strong>
        {usage ? <span>{includedWords(usage, meter)}</span> : null}
      </div>
      <p>
        {formatMoney(price.amount_minor, price.currency, { trim: true })}
        <span> / {price.interval}</span>
      </p>
    </div>
  );
}
