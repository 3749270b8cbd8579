import { type Interval, formatMoney, groupsOf, intervals } from '@farebox/core';
import { Button, SegmentedControl, Skeleton, TextInput } from '@mantine/core';
import { IconCheck, IconPoint } from '@tabler/icons-react';
import { type FormEvent, type ReactNode, useId, useState } from 'react';
import { useSeller } from '../../lib/session.ts';
import type { PublicPlan } from '../../lib/wire.ts';
import { Fault } from '../../ui/Fault.tsx';
import { Status } from '../../ui/Status.tsx';
import { AddOnChoices, chosenAddOns } from './AddOnChoices.tsx';
import { type CheckoutWish, useCheckout, usePlans } from './api.ts';
import { CheckoutFault } from './CheckoutFault.tsx';
import { shownPrice } from './plan-price.ts';
import {
  byGroup,
  chooseWords,
  groupName,
  includedWords,
  limitWords,
  overageWords,
  planMinimumWords,
  priceNotes,
} from './plan-words.ts';
import classes from './PlanPicker.module.css';

/** The price list, but for groups that the customer has a plan of: choose, and go to the checkout. */
export function PlanPicker({ held = [] }: { held?: readonly string[] }) {
  const seller = useSeller();
  const priceList = usePlans();
  const plans = priceList.data?.filter(({ group }) => group === null || !held.includes(group));
  const checkout = useCheckout();
  const [wished, setInterval] = useState<Interval>();
  const [code, setCode] = useState('');
  const promotion_code = code.trim();
  const sold = intervals.filter((interval) =>
    plans?.some((plan) => plan.prices.some((price) => price.interval === interval)),
  );
  if (priceList.isError) return <Fault what="The plans" error={priceList.error} retry={priceList.refetch} />;
  return (
    <div className={classes.picker}>
      {checkout.isError ? (
        <CheckoutFault error={checkout.error} retry={() => checkout.mutate(checkout.variables)} />
      ) : null}
      {sold.length > 1 ? (
        <SegmentedControl
          className={classes.intervals}
          data={sold.map((interval) => ({ value: interval, label: `Pay by the ${interval}` }))}
          value={wished ?? sold[0] ?? 'month'}
          onChange={(chosen) => setInterval(sold.find((interval) => interval === chosen))}
          aria-label="How often you pay"
        />
      ) : null}
      <TextInput
        className={classes.code}
        label="Promotion code"
        description="Counts from the first invoice"
        autoComplete="off"
        maxLength={50}
        value={code}
        onChange={(event) => setCode(event.currentTarget.value)}
      />
      {plans === undefined ? (
        <div className={classes.plans}>
          {[1, 2, 3].map((place) => (
            <Skeleton key={place} height={320} radius="lg" />
          ))}
        </div>
      ) : (
        byGroup(plans).map(([group, own]) => (
          <PlansOf
            key={group}
            title={groupsOf({ plans: priceList.data ?? [] }).length > 1 ? groupName(seller?.groups ?? [], group) : null}
          >
            {own.map((plan) => (
              <PlanCard
                key={plan.id}
                plan={plan}
                interval={wished}
                busy={checkout.isPending && checkout.variables.plan_id === plan.id}
                disabled={checkout.isPending}
                choose={(wish) => checkout.mutate({ ...wish, ...(promotion_code === '' ? {} : { promotion_code }) })}
              />
            ))}
          </PlansOf>
        ))
      )}
    </div>
  );
}

/** The plans of one group, which exclude each other; with a title where there are several groups. */
function PlansOf({ title, children }: { title: string | null; children: ReactNode }) {
  const titleId = useId();
  if (title === null) return <div className={classes.plans}>{children}</div>;
  return (
    <section className={classes.group} aria-labelledby={titleId}>
      <h2 id={titleId}>{title}</h2>
      <div className={classes.plans}>{children}</div>
    </section>
  );
}

interface PlanCardProps {
  plan: PublicPlan;
  interval: Interval | undefined;
  busy: boolean;
  disabled: boolean;
  choose: (wish: CheckoutWish) => void;
}

function PlanCard({ plan, interval: wished, busy, disabled, choose }: PlanCardProps) {
  const titleId = useId();
  const price = shownPrice(plan, { interval: wished });
  const { amount_minor, currency, interval } = price;
  const notes = priceNotes(plan, price);
  function submit(event: FormEvent<HTMLFormElement>): void {
    event.preventDefault();
    choose({ plan_id: plan.id, interval, add_ons: chosenAddOns(new FormData(event.currentTarget)) });
  }
  return (
    <article className={classes.plan} data-highlighted={plan.highlighted} aria-labelledby={titleId}>
      <header>
        <h2 id={titleId}>{plan.name}</h2>
        {plan.highlighted ? <Status tone="brand">Most popular</Status> : null}
      </header>
      <p className={classes.price}>
        <strong>{formatMoney(amount_minor, currency, { trim: true })}</strong> / {interval}
      </p>
      {notes.length === 0 ? null : <p className={classes.words}>{notes.join(' · ')}</p>}
      <p className={classes.words}>{plan.description}</p>
      <PlanFacts plan={plan} />
      <form className={classes.choose} onSubmit={submit}>
        <AddOnChoices plan_id={plan.id} price={price} />
        <Button
          type="submit"
          variant={plan.highlighted ? 'filled' : 'default'}
          size="md"
          fullWidth
          loading={busy}
          disabled={disabled && !busy}
        >
          {chooseWords(plan)}
        </Button>
      </form>
    </article>
  );
}

function PlanFacts({ plan }: { plan: PublicPlan }) {
  const meters = useSeller()?.meters ?? [];
  const { currency } = shownPrice(plan);
  const usage = plan.usage.flatMap((one) => {
    const meter = meters.find(({ id }) => id === one.meter_id);
    return [includedWords(one, meter), ...overageWords(one, meter, currency)];
  });
  const features = plan.features.filter((feature) => feature.enabled).map((feature) => feature.name);
  return (
    <ul className={classes.facts}>
      {[
        ...usage,
        ...planMinimumWords(plan, currency),
        ...(plan.limits.length === 0 ? [] : [plan.limits.map(limitWords).join(', ')]),
      ].map((fact) => (
        <li key={fact}>
          <IconPoint size={16} aria-hidden="true" />
          {fact}
        </li>
      ))}
      {features.map((feature) => (
        <li key={feature}>
          <IconCheck size={16} aria-hidden="true" />
          {feature}
        </li>
      ))}
    </ul>
  );
}
