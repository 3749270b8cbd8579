import { Button, Modal, NativeSelect } from '@mantine/core';
import { useState } from 'react';
import { faultText } from '../../lib/http.ts';
import { formatMoment } from '../../lib/format.ts';
import type { ApiKey } from '../../lib/wire.ts';
import { Notice } from '../../ui/Notice.tsx';
import { useRotateKey } from './api.ts';
import dialog from '../../ui/Dialog.module.css';
import classes from './dialogs.module.css';
import { graceChoices } from './key-words.ts';
import { SecretBox } from './SecretBox.tsx';

/** A new secret, and how long the old one still passes: time to put the new one everywhere. */
export function RotateKeyDialog({ apiKey, onClose }: { apiKey: ApiKey | null; onClose: () => void }) {
  const [grace, setGrace] = useState('86400');
  const rotate = useRotateKey();
  const made = rotate.data;
  return (
    <Modal
      opened={apiKey !== null}
      onClose={onClose}
      onExitTransitionEnd={() => {
        rotate.reset();
        setGrace('86400');
      }}
      size="lg"
      title={made ? `${made.name} has a new secret` : `Rotate ${apiKey?.name ?? 'key'}`}
      closeOnClickOutside={!made}
      closeOnEscape={!made}
      closeButtonProps={{ 'aria-label': 'Close' }}
    >
      {made ? (
        <>
          <SecretBox secret={made.secret} />
          <p className={classes.after}>
            {made.former_until_at === null
              ? 'The old secret is refused from now on.'
              : `The old secret passes until ${formatMoment(made.former_until_at)}.`}
          </p>
          <div className={dialog.buttons}>
            <Button onClick={onClose}>Done</Button>
          </div>
        </>
      ) : (
        <>
          <div className={dialog.form}>
            {rotate.isError ? <Notice tone="bad">{faultText(rotate.error)}</Notice> : null}
            <p className={dialog.text}>
              The key gets a new secret and stays the same otherwise: its scopes, its budget, its usage. Secrets from an
              earlier rotation stop with the present one at the latest.
            </p>
            <NativeSelect
              label="The present secret passes for"
              data={graceChoices}
              value={grace}
              onChange={(event) => setGrace(event.currentTarget.value)}
            />
          </div>
          <div className={dialog.buttons}>
            <Button variant="default" onClick={onClose}>
              Cancel
            </Button>
            <Button
              loading={rotate.isPending}
              onClick={() => apiKey && rotate.mutate({ id: apiKey.id, grace_seconds: Number(grace) })}
            >
              Rotate key
            </Button>
          </div>
        </>
      )}
    </Modal>
  );
}
