import { formatMoney, parseMajor } from '@farebox/core';
import { Button, Modal, NativeSelect, TextInput } from '@mantine/core';
import { type FormEvent, useState } from 'react';
import { faultText } from '../../lib/http.ts';
import type { Invoice } from '../../lib/wire-invoices.ts';
import { Notice } from '../../ui/Notice.tsx';
import { useGiveBack } from './api.ts';
import dialog from '../../ui/Dialog.module.css';
import { type GiveBackWish, giveBackWish, leftOf } from './give-back.ts';

const reasons = [
  { value: '', label: 'No reason' },
  { value: 'duplicate', label: 'Charged twice' },
  { value: 'fraudulent', label: 'Fraud' },
  { value: 'order_change', label: 'The order changed' },
  { value: 'product_unsatisfactory', label: 'Not satisfied' },
];

const places = [
  { value: 'card', label: 'The card it was paid with' },
  { value: 'balance', label: 'The balance, for the next invoices' },
];

interface DialogProps {
  invoice: Invoice;
  opened: boolean;
  onClose: () => void;
}

/** Gives back what was paid, or lets less be owed. Two steps: what is to happen is said before it does. */
export function GiveBackDialog({ invoice, opened, onClose }: DialogProps) {
  const [wish, setWish] = useState<GiveBackWish | null>(null);
  const give = useGiveBack(invoice);
  const verb = invoice.status === 'open' ? 'Credit' : 'Refund';
  const forget = () => {
    setWish(null);
    give.reset();
  };
  return (
    <Modal
      opened={opened}
      onClose={onClose}
      onExitTransitionEnd={forget}
      title={`${verb} ${invoice.number ?? 'the invoice'}`}
      closeButtonProps={{ 'aria-label': 'Close' }}
    >
      {give.isError ? <Notice tone="bad">{faultText(give.error)}</Notice> : null}
      {wish === null ? (
        <WishForm invoice={invoice} onWish={setWish} onClose={onClose} />
      ) : (
        <>
          <p>{wish.words}</p>
          <div className={dialog.buttons}>
            <Button variant="default" onClick={() => setWish(null)}>
              Back
            </Button>
            <Button
              color="red"
              loading={give.isPending}
              onClick={() => give.mutate(wish, { onSuccess: onClose })}
              data-autofocus
            >
              {verb} it
            </Button>
          </div>
        </>
      )}
    </Modal>
  );
}

interface WishFormProps {
  invoice: Invoice;
  onWish: (wish: GiveBackWish) => void;
  onClose: () => void;
}

/** How much, to where and why. */
function WishForm({ invoice, onWish, onClose }: WishFormProps) {
  const [fault, setFault] = useState<string | null>(null);
  const left = leftOf(invoice);

  function submit(event: FormEvent<HTMLFormElement>): void {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const text = (name: string) => {
      const value = form.get(name);
      return typeof value === 'string' ? value.trim() : '';
    };
    try {
      const amount_minor = text('amount') === '' ? left : parseMajor(text('amount'), invoice.currency);
      onWish(giveBackWish(invoice, { amount_minor, to: text('to'), reason: text('reason'), memo: text('memo') }));
    } catch (error) {
      setFault(faultText(error));
    }
  }

  return (
    <form onSubmit={submit} noValidate>
      <div className={dialog.form}>
        <TextInput
          name="amount"
          label="Amount"
          description={`Up to ${formatMoney(left, invoice.currency)}, which is meant unless you say less`}
          placeholder={formatMoney(left, invoice.currency)}
          inputMode="decimal"
          error={fault}
          data-autofocus
        />
        {invoice.status === 'open' ? null : <NativeSelect name="to" label="To" data={places} />}
        <NativeSelect name="reason" label="Reason" data={reasons} />
        <TextInput name="memo" label="Printed on the credit note" maxLength={500} />
      </div>
      <div className={dialog.buttons}>
        <Button variant="default" onClick={onClose}>
          Close
        </Button>
        <Button type="submit">Continue</Button>
      </div>
    </form>
  );
}
