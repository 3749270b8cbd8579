import { Button, Skeleton } from '@mantine/core';
import { IconCreditCard, IconPlus } from '@tabler/icons-react';
import { faultText } from '../../lib/http.ts';
import type { PaymentMethod } from '../../lib/wire.ts';
import { Empty } from '../../ui/Empty.tsx';
import { Fault } from '../../ui/Fault.tsx';
import { Notice } from '../../ui/Notice.tsx';
import { Panel } from '../../ui/Panel.tsx';
import { Status } from '../../ui/Status.tsx';
import { useAddCard, useCardChange, usePaymentMethods } from './api.ts';
import { cardName, expiryWords } from './card-words.ts';
import classes from './PaymentMethodsPanel.module.css';

/** What the next payment is made with, and the other ways to pay. */
export function PaymentMethodsPanel() {
  const methods = usePaymentMethods();
  const add = useAddCard();
  const change = useCardChange();
  const fault = add.error ?? change.error;
  return (
    <Panel
      title="Payment methods"
      id="payment-methods"
      actions={
        <Button
          variant="default"
          size="xs"
          leftSection={<IconPlus size={14} />}
          loading={add.isPending}
          onClick={() => add.mutate()}
        >
          Add a card
        </Button>
      }
    >
      {fault === null ? null : <Notice tone="bad">{faultText(fault)}</Notice>}
      {methods.isError && !methods.data ? (
        <Fault what="Your cards" error={methods.error} retry={methods.refetch} />
      ) : null}
      {methods.isPending ? <Skeleton height={44} /> : null}
      {methods.data?.length === 0 ? (
        <Empty title="No card yet" icon={<IconCreditCard size={20} />}>
          Add one, and the next invoice is paid with it.
        </Empty>
      ) : null}
      <ul className={classes.cards}>
        {methods.data?.map((method) => (
          <Card
            key={method.id}
            method={method}
            busy={change.isPending}
            onChange={(to) => change.mutate({ id: method.id, to })}
          />
        ))}
      </ul>
    </Panel>
  );
}

interface CardProps {
  method: PaymentMethod;
  busy: boolean;
  onChange: (to: 'default' | 'removed') => void;
}

function Card({ method, busy, onChange }: CardProps) {
  const name = cardName(method);
  return (
    <li>
      <div className={classes.words}>
        <strong>{name}</strong>
        <span>{expiryWords(method)}</span>
      </div>
      {method.state === 'valid' ? null : (
        <Status tone={method.state === 'expired' ? 'bad' : 'warn'}>
          {method.state === 'expired' ? 'Expired' : 'Expires soon'}
        </Status>
      )}
      {method.is_default ? (
        <Status tone="brand">Default</Status>
      ) : (
        <div className={classes.buttons}>
          <Button
            variant="subtle"
            size="xs"
            disabled={busy}
            aria-label={`Pay with ${name}`}
            onClick={() => onChange('default')}
          >
            Use it
          </Button>
          <Button
            variant="subtle"
            color="gray"
            size="xs"
            disabled={busy}
            aria-label={`Remove ${name}`}
            onClick={() => onChange('removed')}
          >
            Remove
          </Button>
        </div>
      )}
    </li>
  );
}
