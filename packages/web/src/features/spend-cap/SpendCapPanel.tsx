import { formatMoney, parseMajor, toMajorDecimal } from '@farebox/core';
import { Skeleton } from '@mantine/core';
import type { SpendCap } from '../../lib/wire-usage.ts';
import { Fault } from '../../ui/Fault.tsx';
import { OneFieldForm } from '../../ui/OneFieldForm.tsx';
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
  const own = ownOf(cap, owner);
  return (
    <OneFieldForm
      set={useSetSpendCap(cap.customer_id)}
      read={(text) => parseMajor(text, cap.currency)}
      field={{
        label: 'At most, in a month',
        description: 'For usage beyond what the plan includes, of everything together',
        inputMode: 'decimal',
        required: true,
        placeholder: formatMoney(5000, cap.currency),
        defaultValue: own === null ? '' : toMajorDecimal(String(own), cap.currency),
      }}
      submit="Set cap"
      takeBack={own === null ? null : 'Remove cap'}
    />
  );
}
