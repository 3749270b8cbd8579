import { formatMoney } from '@farebox/core';
import { Button, Modal } from '@mantine/core';
import { useState } from 'react';
import { faultText } from '../../lib/http.ts';
import type { CreditGrant } from '../../lib/wire-credits.ts';
import { Notice } from '../../ui/Notice.tsx';
import { useVoidGrant } from './api.ts';
import panel from '../../ui/PanelForm.module.css';

interface DialogProps {
  customerId: string;
  grant: CreditGrant;
  /** It is closed, and nothing of it moves any more. */
  onClosed: () => void;
}

/** The second step before what is left of a grant is taken back, which cannot be undone. */
export function TakeBackDialog({ customerId, grant, onClosed }: DialogProps) {
  const [opened, setOpened] = useState(true);
  const revoke = useVoidGrant(customerId);
  const close = () => setOpened(false);
  const amount = formatMoney(grant.remaining_minor, grant.currency);
  return (
    <Modal
      opened={opened}
      onClose={close}
      onExitTransitionEnd={onClosed}
      title={`Take back ${grant.name}`}
      closeButtonProps={{ 'aria-label': 'Close' }}
    >
      <div className={panel.form}>
        {revoke.isError ? <Notice tone="bad">{faultText(revoke.error)}</Notice> : null}
        <p>
          The customer loses the <strong>{amount}</strong> that are left of it. What it has paid stays paid. This cannot
          be undone; credit can be given again.
        </p>
        <div className={panel.buttons}>
          <Button variant="default" onClick={close}>
            Keep it
          </Button>
          <Button
            color="red"
            loading={revoke.isPending}
            onClick={() => revoke.mutate(grant.id, { onSuccess: close })}
            data-autofocus
          >
            Take back {amount}
          </Button>
        </div>
      </div>
    </Modal>
  );
}
