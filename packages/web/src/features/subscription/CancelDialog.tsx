import { Button, Modal, NativeSelect, Textarea } from '@mantine/core';
import { useState } from 'react';
import { formatDay } from '../../lib/format.ts';
import { faultText } from '../../lib/http.ts';
import type { Subscription } from '../../lib/wire.ts';
import { Notice } from '../../ui/Notice.tsx';
import { useCancel } from './api.ts';
import dialog from '../../ui/Dialog.module.css';
import { cancelReasons } from './words.ts';

interface DialogProps {
  subscription: Subscription;
  opened: boolean;
  onClose: () => void;
}

/** Says until when things go on, and asks why. The answers are optional, and leaving takes one click. */
export function CancelDialog({ subscription, opened, onClose }: DialogProps) {
  const [reason, setReason] = useState('');
  const [comment, setComment] = useState('');
  const cancel = useCancel(subscription.id);
  const runs = subscription.status === 'active' || subscription.status === 'trialing';
  return (
    <Modal
      opened={opened}
      onClose={onClose}
      onExitTransitionEnd={cancel.reset}
      title={`Cancel ${subscription.plan_name}?`}
      closeButtonProps={{ 'aria-label': 'Close' }}
    >
      <div className={dialog.form}>
        {cancel.isError ? <Notice tone="bad">{faultText(cancel.error)}</Notice> : null}
        <p className={dialog.text}>
          {runs
            ? `Your keys work until ${formatDay(subscription.current_period_end_at)}. Nothing renews after it, and usage up to then is on a last invoice. You can take it back until that day.`
            : 'It ends at once, and keys stop working.'}
        </p>
        <NativeSelect
          label="Why do you leave?"
          data={[...cancelReasons]}
          value={reason}
          onChange={(event) => setReason(event.currentTarget.value)}
        />
        <Textarea
          label="What could have been better?"
          value={comment}
          onChange={(event) => setComment(event.currentTarget.value)}
          maxLength={1000}
          rows={3}
        />
      </div>
      <div className={dialog.buttons}>
        <Button variant="default" onClick={onClose} data-autofocus>
          Keep it
        </Button>
        <Button color="red" loading={cancel.isPending} onClick={leave}>
          Cancel subscription
        </Button>
      </div>
    </Modal>
  );

  function leave(): void {
    const said = comment.trim();
    cancel.mutate(
      { ...(reason === '' ? {} : { reason }), ...(said === '' ? {} : { comment: said }) },
      { onSuccess: onClose },
    );
  }
}
