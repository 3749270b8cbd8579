import { Button, Modal, Skeleton, TextInput } from '@mantine/core';
import { type FormEvent, useState } from 'react';
import { faultText } from '../../lib/http.ts';
import type { ChangePreview, PublicPlan, Subscription } from '../../lib/wire.ts';
import { Notice } from '../../ui/Notice.tsx';
import { Panel } from '../../ui/Panel.tsx';
import { useAddOns } from '../plan/api.ts';
import { addOnPriceWords, addOnWords } from '../plan/plan-words.ts';
import { type AddOnWish, useAddOnPreview, useSetAddOn } from './api.ts';
import { possibleActions } from './possible-actions.ts';
import { PreviewEffect } from './PreviewEffect.tsx';
import dialog from '../../ui/Dialog.module.css';
import classes from './subscription.module.css';
import { addOnSentence } from './words.ts';

/** What can come on top of the plan, and what does. Nothing is shown where nothing is sold. */
export function AddOnsPanel({ subscription }: { subscription: Subscription }) {
  const [wish, setWish] = useState<AddOnWish | null>(null);
  const addOns = useAddOns(subscription);
  const { can_change } = possibleActions(subscription);
  const sold = addOns.data ?? [];
  if (sold.length === 0 || !can_change) return null;
  return (
    <Panel title="Add-ons" id={`add-ons-${subscription.group}`}>
      <ul className={classes.choices}>
        {sold.map((addOn) => (
          <AddOn key={addOn.id} addOn={addOn} subscription={subscription} choose={setWish} />
        ))}
      </ul>
      <AddOnDialog subscription={subscription} wish={wish} onClose={() => setWish(null)} />
    </Panel>
  );
}

interface AddOnProps {
  addOn: PublicPlan;
  subscription: Subscription;
  choose: (wish: AddOnWish) => void;
}

function AddOn({ addOn, subscription, choose }: AddOnProps) {
  const held = subscription.add_ons.find(({ plan_id }) => plan_id === addOn.id);
  const { currency, interval } = subscription.price;
  const price = addOn.prices.find((each) => each.currency === currency && each.interval === interval);
  function submit(event: FormEvent<HTMLFormElement>): void {
    event.preventDefault();
    const quantity = new FormData(event.currentTarget).get('quantity');
    choose({ plan_id: addOn.id, quantity: typeof quantity === 'string' ? Number(quantity) : 1 });
  }
  return (
    <li>
      <div>
        <strong>{addOn.name}</strong>
        <span>
          {held !== undefined
            ? `You have ${addOnWords(held)}`
            : price === undefined
              ? addOn.description
              : addOnPriceWords(price)}
        </span>
      </div>
      <form className={classes.row} onSubmit={submit}>
        {addOn.seats === null ? null : (
          <TextInput
            name="quantity"
            type="number"
            aria-label={`How many ${addOn.name}`}
            min={addOn.seats.minimum}
            max={addOn.seats.maximum ?? undefined}
            defaultValue={held?.quantity ?? addOn.seats.minimum}
            required
            w={80}
          />
        )}
        {addOn.seats === null && held !== undefined ? null : (
          <Button type="submit" variant="default" aria-label={`${held === undefined ? 'Add' : 'Change'} ${addOn.name}`}>
            {held === undefined ? 'Add' : 'Change'}
          </Button>
        )}
        {held === undefined ? null : (
          <Button
            variant="subtle"
            color="gray"
            aria-label={`Remove ${addOn.name}`}
            onClick={() => choose({ plan_id: addOn.id, quantity: 0 })}
          >
            Remove
          </Button>
        )}
      </form>
    </li>
  );
}

interface DialogProps {
  subscription: Subscription;
  wish: AddOnWish | null;
  onClose: () => void;
}

/** What it costs, to the cent, before anything happens. */
function AddOnDialog({ subscription, wish, onClose }: DialogProps) {
  const preview = useAddOnPreview(subscription.id, wish);
  const set = useSetAddOn(subscription.id);
  const pay = set.data?.payment?.url ?? null;
  return (
    <Modal
      opened={wish !== null}
      onClose={close}
      size="lg"
      title="Confirm the change"
      closeButtonProps={{ 'aria-label': 'Close' }}
    >
      <div className={dialog.form}>
        {preview.isError ? <Notice tone="bad">{faultText(preview.error)}</Notice> : null}
        {set.isError ? <Notice tone="bad">{faultText(set.error)}</Notice> : null}
        {preview.isLoading ? <Skeleton height={96} radius="md" /> : null}
        {preview.data ? <PreviewEffect sentence={addOnSentence(preview.data)} invoice={preview.data.invoice} /> : null}
        {pay === null ? null : (
          <Notice tone="warn" title="Your bank wants to ask you">
            It counts once you confirmed the payment.{' '}
            <a href={pay} target="_blank" rel="noreferrer">
              Confirm it
            </a>
          </Notice>
        )}
      </div>
      <div className={dialog.buttons}>
        <Button variant="default" onClick={close} disabled={set.isPending}>
          Back
        </Button>
        <Button
          loading={set.isPending}
          disabled={preview.data === undefined || set.data !== undefined}
          onClick={() => confirm(preview.data)}
          data-autofocus
        >
          {preview.data?.effect === 'period_end' ? 'Change at the end of the period' : 'Change now'}
        </Button>
      </div>
    </Modal>
  );

  function close(): void {
    onClose();
    set.reset();
  }

  function confirm(shown: ChangePreview | undefined): void {
    if (shown === undefined || wish === null) return;
    const { proration_at } = shown;
    set.mutate(
      { ...wish, ...(proration_at === null ? {} : { proration_at }) },
      { onSuccess: ({ payment }) => (payment === null ? close() : undefined) },
    );
  }
}
