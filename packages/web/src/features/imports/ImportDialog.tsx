import { Button, Modal } from '@mantine/core';
import { faultText } from '../../lib/http.ts';
import { Notice } from '../../ui/Notice.tsx';
import { useStartImport } from './api.ts';
import dialog from '../../ui/Dialog.module.css';
import classes from './imports.module.css';

interface DialogProps {
  choices: Record<string, string>;
  opened: boolean;
  onClose: () => void;
}

/** Says what taking over does, and what it does not, before it begins. */
export function ImportDialog({ choices, opened, onClose }: DialogProps) {
  const start = useStartImport();
  return (
    <Modal
      opened={opened}
      onClose={onClose}
      onExitTransitionEnd={start.reset}
      title="Take over from Stripe"
      closeButtonProps={{ 'aria-label': 'Close' }}
    >
      {start.isError ? <Notice tone="bad">{faultText(start.error)}</Notice> : null}
      <p className={classes.text}>
        Every customer of this Stripe account whose subscription is on a plan of your price list becomes a customer
        here. Nobody is charged, no mail is sent, and at Stripe nothing changes but the metadata that names this
        installation. Running it again does nothing twice.
      </p>
      <div className={dialog.buttons}>
        <Button variant="default" onClick={onClose} data-autofocus>
          Back
        </Button>
        <Button
          loading={start.isPending}
          onClick={() => start.mutate({ dry_run: false, choices }, { onSuccess: onClose })}
        >
          Take over
        </Button>
      </div>
    </Modal>
  );
}
