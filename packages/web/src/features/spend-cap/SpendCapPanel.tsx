import { formatMoney, parseMajor, toMajorDecimal } from '@farebox/core';
import { Button, Skeleton, TextInput } from '@mantine/core';
import { type FormEvent, useState } from 'react';
import { faultText } from '../../lib/http.ts';
import type { SpendCap } from '../../lib/wire-usage.ts';
import { Fault } from '../../ui/Fault.tsx';
import { Notice } from '../../ui/Notice.tsx';
import { Panel } from '../../ui/Panel.tsx';
import { Status } from '../../ui/Status.tsx';
import { useSetSpendCap, useSpendCap } from './api.ts';
import { capWords, otherCapWords } from './cap-words.ts';
import classes from '../../ui/PanelForm.module.css';

interface PanelProps {
  customerId: string;
  /** Whose cap is set here: the customer's own, or the seller's for it. */
  owner: 'customer' | 'seller';
}

/** The most that usage may cost in a month: what is left of it, and where it is set. */
export function SpendCapPanel({ customerId, owner }: PanelProps) {
  const cap = useSpendCap(customerId);
  const words = cap.data === undefined ? null : capWords(cap.data);
  return (
    <Panel title="Spend cap" id="spend-cap" mark={words && <Status tone={words.tone}>{words.label}</Status>}>
      {cap.isError && cap.data === undefined ? (
        <Fault what="The spend cap" error={cap.error} retry={cap.refetch} />
      ) : null}
      {cap.isPending ? <Skeleton height={96} /> : null}
      {cap.data && words ? (
        <>
          <p className={classes.words}>
            {words.sentence} {otherCapWords(cap.data, owner)}
          </p>
          <CapForm key={String(ownOf(cap.data, owner))} cap={cap.data} owner={owner} />
        </>
      ) : null}
    </Panel>
  );
}

function ownOf(cap: SpendCap, owner: PanelProps['owner']): number | null {
  return owner === 'customer' ? cap.customer_minor : cap.seller_minor;
}

function CapForm({ cap, owner }: { cap: SpendCap; owner: PanelProps['owner'] }) {
  const set = useSetSpendCap(cap.customer_id);
  const [fault, setFault] = useState<string | null>(null);
  const own = ownOf(cap, owner);

  function submit(event: FormEvent<HTMLFormElement>): void {
    event.preventDefault();
    const text = new FormData(event.currentTarget).get('amount');
    try {
      set.mutate(parseMajor(typeof text === 'string' ? text.trim() : '', cap.currency));
      setFault(null);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      setFault(error.message);
    }
  }

  return (
    <form className={classes.form} onSubmit={submit}>
      {set.isError ? <Notice tone="bad">{faultText(set.error)}</Notice> : null}
      <TextInput
        name="amount"
        label="At most, in a month"
        description="For usage beyond what the plan includes, of everything together"
        inputMode="decimal"
        required
        error={fault}
        placeholder={formatMoney(5000, cap.currency)}
        defaultValue={own === null ? '' : toMajorDecimal(String(own), cap.currency)}
      />
      <div className={classes.buttons}>
        {own === null ? null : (
          <Button variant="default" loading={set.isPending} onClick={() => set.mutate(null)}>
            Remove cap
          </Button>
        )}
        <Button type="submit" loading={set.isPending}>
          Set cap
        </Button>
      </div>
    </form>
  );
}
