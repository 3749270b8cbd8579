import { type Currency, formatMoney, parseMajor, topUpFault } from '@farebox/core';
import { Button, Modal, TextInput } from '@mantine/core';
import { type FormEvent, useState } from 'react';
import { faultText } from '../../lib/http.ts';
import type { TopUpTerms } from '../../lib/wire-credits.ts';
import { Notice } from '../../ui/Notice.tsx';
import panel from '../../ui/PanelForm.module.css';
import classes from './credits.module.css';
import { useTopUp } from './top-up-api.ts';

interface DialogProps {
  customerId: string;
  terms: TopUpTerms;
  currency: Currency;
  opened: boolean;
  onClose: () => void;
}

/** Buys credit: one of the packs, or another amount. The payment itself is made on Stripe's page. */
export function TopUpDialog({ customerId, terms, currency, opened, onClose }: DialogProps) {
  const topUp = useTopUp(customerId);
  const [fault, setFault] = useState<string | null>(null);
  const [least, most] = [terms.minimum_minor, terms.maximum_minor].map((minor) => formatMoney(minor, currency));

  function submit(event: FormEvent<HTMLFormElement>): void {
    event.preventDefault();
    const text = new FormData(event.currentTarget).get('amount');
    try {
      const amount = parseMajor(typeof text === 'string' ? text.trim() : '', currency);
      const said = topUpFault(terms, amount, currency);
      setFault(said);
      if (said === null) topUp.mutate(amount);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      setFault(error.message);
    }
  }

  return (
    <Modal
      opened={opened}
      onClose={onClose}
      onExitTransitionEnd={topUp.reset}
      title="Top up"
      closeButtonProps={{ 'aria-label': 'Close' }}
    >
      <div className={panel.form}>
        {topUp.isError ? <Notice tone="bad">{faultText(topUp.error)}</Notice> : null}
        <p>
          Credit pays for usage before your card does.{' '}
          {terms.expires_after_days === null ? 'It does not expire.' : `It lasts ${terms.expires_after_days} days.`}{' '}
          Taxes may come on top.
        </p>
        <div className={classes.packs} role="group" aria-label="Amounts">
          {terms.packs_minor.map((pack, index) => (
            <Button
              key={pack}
              variant="default"
              px="xs"
              loading={topUp.isPending && topUp.variables === pack}
              disabled={topUp.isPending}
              onClick={() => topUp.mutate(pack)}
              {...(index === 0 ? { 'data-autofocus': true } : {})}
            >
              {formatMoney(pack, currency)}
            </Button>
          ))}
        </div>
        <form className={panel.form} onSubmit={submit}>
          <TextInput
            name="amount"
            label="Another amount"
            description={`From ${least} to ${most}`}
            inputMode="decimal"
            required
            error={fault}
          />
          <Button type="submit" disabled={topUp.isPending}>
            Continue to payment
          </Button>
        </form>
      </div>
    </Modal>
  );
}
