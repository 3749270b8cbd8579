import { type Currency, formatMoney, toMajorDecimal } from '@farebox/core';
import { Button, Modal, Skeleton, TextInput } from '@mantine/core';
import { type FormEvent, useState } from 'react';
import { faultText } from '../../lib/http.ts';
import type { AutoTopUp, TopUpTerms } from '../../lib/wire-credits.ts';
import { Fault } from '../../ui/Fault.tsx';
import { Notice } from '../../ui/Notice.tsx';
import { Status } from '../../ui/Status.tsx';
import { autoTopUpWish, autoTopUpWords } from './auto-top-up-words.ts';
import panel from '../../ui/PanelForm.module.css';
import classes from './credits.module.css';
import { useAutoTopUp, useSetAutoTopUp } from './top-up-api.ts';

interface PartProps {
  customerId: string;
  /** Only the customer agrees to be charged. */
  owner: 'customer' | 'seller';
  terms: TopUpTerms;
}

/** Whether credit is bought by itself: what it does, and where it is turned on and off. */
export function AutoTopUpPart({ customerId, owner, terms }: PartProps) {
  const found = useAutoTopUp(customerId);
  const set = useSetAutoTopUp(customerId);
  const [opened, setOpened] = useState(false);
  if (found.data === undefined)
    return found.isError ? (
      <Fault what="Automatic top-up" error={found.error} retry={found.refetch} />
    ) : (
      <Skeleton height={44} />
    );
  const words = autoTopUpWords(found.data);
  const isOff = found.data.state === 'off';
  return (
    <div className={classes.automatic} role="group" aria-label="Automatic top-up">
      <div className={classes.rule}>
        <strong>Automatic top-up</strong> <Status tone={words.tone}>{words.label}</Status>
        <span>{words.sentence}</span>
        {set.isError && !opened ? <Notice tone="bad">{faultText(set.error)}</Notice> : null}
      </div>
      <div className={classes.verbs}>
        {isOff ? null : (
          <Button size="xs" variant="default" loading={set.isPending} onClick={() => set.mutate(null)}>
            Turn off
          </Button>
        )}
        {owner === 'seller' ? null : (
          <Button size="xs" variant="default" onClick={() => setOpened(true)}>
            {isOff ? 'Turn on' : 'Change'}
          </Button>
        )}
      </div>
      <Modal
        opened={opened}
        onClose={() => setOpened(false)}
        onExitTransitionEnd={set.reset}
        title="Automatic top-up"
        closeButtonProps={{ 'aria-label': 'Close' }}
      >
        <AutoTopUpForm
          found={found.data}
          terms={terms}
          set={set}
          onClose={() => setOpened(false)}
          currency={found.data.currency}
        />
      </Modal>
    </div>
  );
}

interface FormProps {
  found: AutoTopUp;
  terms: TopUpTerms;
  currency: Currency;
  set: ReturnType<typeof useSetAutoTopUp>;
  onClose: () => void;
}

function AutoTopUpForm({ found, terms, currency, set, onClose }: FormProps) {
  const [fault, setFault] = useState<string | null>(null);
  const [pack] = terms.packs_minor;
  const major = (minor: number) => toMajorDecimal(String(minor), currency);

  function submit(event: FormEvent<HTMLFormElement>): void {
    event.preventDefault();
    try {
      set.mutate(autoTopUpWish(new FormData(event.currentTarget), terms, currency), { onSuccess: onClose });
      setFault(null);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      setFault(error.message);
    }
  }

  const amount = found.amount_minor ?? pack ?? terms.minimum_minor;
  return (
    <form className={panel.form} onSubmit={submit}>
      {set.isError ? <Notice tone="bad">{faultText(set.error)}</Notice> : null}
      {fault === null ? null : <Notice tone="bad">{fault}</Notice>}
      <p>Your default card is charged without asking again, never more in a month than you say here.</p>
      <TextInput
        name="threshold"
        label="When less than this is left"
        inputMode="decimal"
        required
        defaultValue={major(found.threshold_minor ?? terms.minimum_minor)}
        data-autofocus
      />
      <TextInput
        name="amount"
        label="Buy"
        description={`${formatMoney(terms.minimum_minor, currency)} to ${formatMoney(terms.maximum_minor, currency)}`}
        inputMode="decimal"
        required
        defaultValue={major(amount)}
      />
      <TextInput
        name="limit"
        label="At most, in a month"
        inputMode="decimal"
        required
        defaultValue={major(found.monthly_limit_minor ?? amount * 5)}
      />
      <div className={panel.buttons}>
        <Button variant="default" onClick={onClose}>
          Back
        </Button>
        <Button type="submit" loading={set.isPending}>
          {found.state === 'off' ? 'Turn on' : 'Save'}
        </Button>
      </div>
    </form>
  );
}
