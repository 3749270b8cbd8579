import { Button } from '@mantine/core';
import { useState } from 'react';
import { faultText } from '../../lib/http.ts';
import type { Subscription } from '../../lib/wire.ts';
import { Notice } from '../../ui/Notice.tsx';
import { type Verb, useVerb } from './api.ts';
import { CancelDialog } from './CancelDialog.tsx';
import { CodeForm } from './CodeForm.tsx';
import { ChangePlanDialog } from './ChangePlanDialog.tsx';
import { possibleActions } from './possible-actions.ts';
import classes from './subscription.module.css';

const verbWords: Record<Verb, string> = {
  resume: 'Keep the subscription',
  pause: 'Pause',
  unpause: 'Go on',
  undo: 'Stay on this plan',
};

/** What a customer can do with its subscription now. */
export function SubscriptionActions({ subscription }: { subscription: Subscription }) {
  const [dialog, setDialog] = useState<'change' | 'cancel' | null>(null);
  const verb = useVerb(subscription.id);
  const close = () => setDialog(null);
  const { can_change, can_cancel, verbs } = possibleActions(subscription);
  return (
    <div className={classes.actions}>
      {verb.isError ? <Notice tone="bad">{faultText(verb.error)}</Notice> : null}
      <div className={classes.row}>
        {can_change ? <Button onClick={() => setDialog('change')}>Change plan</Button> : null}
        {verbs.map((one) => (
          <Button
            key={one}
            variant="default"
            loading={verb.isPending && verb.variables === one}
            disabled={verb.isPending}
            onClick={() => verb.mutate(one)}
          >
            {verbWords[one]}
          </Button>
        ))}
        {can_cancel ? (
          <Button variant="subtle" color="gray" onClick={() => setDialog('cancel')}>
            Cancel
          </Button>
        ) : null}
      </div>
      {can_change ? <CodeForm subscriptionId={subscription.id} /> : null}
      <ChangePlanDialog subscription={subscription} opened={dialog === 'change'} onClose={close} />
      <CancelDialog subscription={subscription} opened={dialog === 'cancel'} onClose={close} />
    </div>
  );
}
