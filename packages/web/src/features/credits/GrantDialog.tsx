import { formatMoney } from '@farebox/core';
import { Button, Modal, SegmentedControl, TextInput } from '@mantine/core';
import { type FormEvent, useState } from 'react';
import { faultText } from '../../lib/http.ts';
import type { CreditGrant } from '../../lib/wire-credits.ts';
import { Notice } from '../../ui/Notice.tsx';
import { useCreditBalance, useGrant } from './api.ts';
import panel from '../../ui/PanelForm.module.css';
import { type GrantWish, grantWish } from './grant-wish.ts';

interface DialogProps {
  customerId: string;
  opened: boolean;
  onClose: () => void;
}

const categories: { value: CreditGrant['category']; label: string }[] = [
  { value: 'promotional', label: 'Given' },
  { value: 'paid', label: 'Bought' },
];

/** Credit for usage of one customer: how much, why, and until when. */
export function GrantDialog({ customerId, opened, onClose }: DialogProps) {
  const currency = useCreditBalance(customerId).data?.currency;
  const grant = useGrant(customerId);
  const [category, setCategory] = useState<CreditGrant['category']>('promotional');
  const [fault, setFault] = useState<string | null>(null);

  function submit(event: FormEvent<HTMLFormElement>): void {
    event.preventDefault();
    if (currency === undefined) return;
    let wish: GrantWish;
    try {
      wish = grantWish(new FormData(event.currentTarget), category, currency);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      return setFault(error.message);
    }
    setFault(null);
    grant.mutate(wish, { onSuccess: onClose });
  }

  return (
    <Modal
      opened={opened}
      onClose={onClose}
      onExitTransitionEnd={grant.reset}
      title="Give credit"
      closeButtonProps={{ 'aria-label': 'Close' }}
    >
      <form className={panel.form} onSubmit={submit}>
        {grant.isError ? <Notice tone="bad">{faultText(grant.error)}</Notice> : null}
        <TextInput
          name="name"
          label="Name"
          description="As the customer reads it"
          required
          maxLength={100}
          data-autofocus
        />
        <TextInput
          name="amount"
          label="Amount"
          inputMode="decimal"
          required
          error={fault}
          placeholder={currency === undefined ? '' : formatMoney(2500, currency)}
        />
        <SegmentedControl
          aria-label="Whether it was bought"
          data={categories}
          value={category}
          onChange={(value) => setCategory(categories.find((one) => one.value === value)?.value ?? 'promotional')}
        />
        <TextInput name="until" type="date" label="Until" description="For ever, unless said" />
        <div className={panel.buttons}>
          <Button variant="default" onClick={onClose}>
            Back
          </Button>
          <Button type="submit" loading={grant.isPending} disabled={currency === undefined}>
            Give credit
          </Button>
        </div>
      </form>
    </Modal>
  );
}
