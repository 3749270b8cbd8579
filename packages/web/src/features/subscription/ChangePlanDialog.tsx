import { type Interval, formatMoney, intervals } from '@farebox/core';
import { Button, Modal, SegmentedControl, Skeleton } from '@mantine/core';
import { useState } from 'react';
import { faultText } from '../../lib/http.ts';
import type { ChangePreview, PublicPlan, Subscription } from '../../lib/wire.ts';
import { Fault } from '../../ui/Fault.tsx';
import { Notice } from '../../ui/Notice.tsx';
import { usePlans } from '../plan/api.ts';
import { shownPrice } from '../plan/plan-price.ts';
import { type ChangeWish, useChange, useChangePreview } from './api.ts';
import { PreviewEffect } from './PreviewEffect.tsx';
import dialog from '../../ui/Dialog.module.css';
import classes from './subscription.module.css';
import { changeSentence } from './words.ts';

interface DialogProps {
  subscription: Subscription;
  opened: boolean;
  onClose: () => void;
}

/** Choose, see to the cent what it does, confirm. Nothing happens before the last button. */
export function ChangePlanDialog({ subscription, opened, onClose }: DialogProps) {
  const [wish, setWish] = useState<ChangeWish | null>(null);
  const change = useChange(subscription.id);
  function close(): void {
    onClose();
    setWish(null);
    change.reset();
  }
  return (
    <Modal
      opened={opened}
      onClose={close}
      size="lg"
      title={wish === null ? 'Change plan' : 'Confirm the change'}
      closeButtonProps={{ 'aria-label': 'Close' }}
    >
      {wish === null ? (
        <Choices subscription={subscription} choose={setWish} />
      ) : (
        <Confirm subscription={subscription} wish={wish} change={change} back={() => setWish(null)} done={close} />
      )}
    </Modal>
  );
}

function Choices({ subscription, choose }: { subscription: Subscription; choose: (wish: ChangeWish) => void }) {
  const plans = usePlans(subscription.group);
  const { currency } = subscription.price;
  const [wished, setInterval] = useState<Interval>(subscription.price.interval);
  if (plans.isError) return <Fault what="The plans" error={plans.error} retry={plans.refetch} />;
  if (plans.data === undefined) return <Skeleton height={180} radius="md" />;
  const sold = intervals.filter((interval) =>
    plans.data.some((plan) => plan.prices.some((price) => price.interval === interval && price.currency === currency)),
  );
  return (
    <div className={dialog.form}>
      {sold.length > 1 ? (
        <SegmentedControl
          data={sold.map((interval) => ({ value: interval, label: `Pay by the ${interval}` }))}
          value={wished}
          onChange={(chosen) => setInterval(sold.find((interval) => interval === chosen) ?? wished)}
          aria-label="How often you pay"
        />
      ) : null}
      <ul className={classes.choices}>
        {plans.data.map((plan) => (
          <Choice key={plan.id} plan={plan} subscription={subscription} wished={wished} choose={choose} />
        ))}
      </ul>
    </div>
  );
}

interface ChoiceProps {
  plan: PublicPlan;
  subscription: Subscription;
  wished: Interval;
  choose: (wish: ChangeWish) => void;
}

function Choice({ plan, subscription, wished, choose }: ChoiceProps) {
  const { amount_minor, currency, interval } = shownPrice(plan, {
    currency: subscription.price.currency,
    interval: wished,
  });
  const isCurrent = plan.id === subscription.plan_id && interval === subscription.price.interval;
  return (
    <li>
      <div>
        <strong>{plan.name}</strong>
        <span>
          {formatMoney(amount_minor, currency, { trim: true })} a {interval}
        </span>
      </div>
      {isCurrent ? (
        <span className={classes.current}>Your plan</span>
      ) : (
        <Button
          variant="default"
          aria-label={`Choose ${plan.name} by the ${interval}`}
          onClick={() => choose({ plan_id: plan.id, interval })}
        >
          Choose
        </Button>
      )}
    </li>
  );
}

interface ConfirmProps {
  subscription: Subscription;
  wish: ChangeWish;
  change: ReturnType<typeof useChange>;
  back: () => void;
  done: () => void;
}

function Confirm({ subscription, wish, change, back, done }: ConfirmProps) {
  const preview = useChangePreview(subscription.id, wish);
  const pay = change.data?.payment?.url ?? null;
  return (
    <div className={dialog.form}>
      {preview.isError ? <Notice tone="bad">{faultText(preview.error)}</Notice> : null}
      {change.isError ? <Notice tone="bad">{faultText(change.error)}</Notice> : null}
      {preview.isPending ? <Skeleton height={96} radius="md" /> : null}
      {preview.data ? <PreviewEffect sentence={changeSentence(preview.data)} invoice={preview.data.invoice} /> : null}
      {pay === null ? null : (
        <Notice tone="warn" title="Your bank wants to ask you">
          The plan changes once you confirmed the payment.{' '}
          <a href={pay} target="_blank" rel="noreferrer">
            Confirm it
          </a>
        </Notice>
      )}
      <div className={dialog.buttons}>
        <Button variant="default" onClick={back} disabled={change.isPending}>
          Back
        </Button>
        {change.data === undefined ? (
          <Button
            loading={change.isPending}
            disabled={preview.data === undefined}
            onClick={() => confirm(preview.data)}
            data-autofocus
          >
            {preview.data?.effect === 'period_end' ? 'Change at the end of the period' : 'Change now'}
          </Button>
        ) : (
          <Button onClick={done}>Done</Button>
        )}
      </div>
    </div>
  );

  function confirm(shown: ChangePreview | undefined): void {
    if (shown === undefined) return;
    const { proration_at } = shown;
    change.mutate(
      { ...wish, ...(proration_at === null ? {} : { proration_at }) },
      { onSuccess: ({ payment }) => (payment === null ? done() : undefined) },
    );
  }
}
