import { Button, Modal } from '@mantine/core';
import { faultText } from '../../lib/http.ts';
import type { ApiKey } from '../../lib/wire.ts';
import { Notice } from '../../ui/Notice.tsx';
import { useRevokeKey } from './api.ts';
import dialog from '../../ui/Dialog.module.css';

/** Says what revoking does before it is done. */
export function RevokeKeyDialog({ apiKey, onClose }: { apiKey: ApiKey | null; onClose: () => void }) {
  const revoke = useRevokeKey();
  return (
    <Modal
      opened={apiKey !== null}
      onClose={onClose}
      onExitTransitionEnd={revoke.reset}
      title={`Revoke ${apiKey?.name ?? 'key'}?`}
      closeButtonProps={{ 'aria-label': 'Close' }}
    >
      <div className={dialog.form}>
        {revoke.isError ? <Notice tone="bad">{faultText(revoke.error)}</Notice> : null}
        <p className={dialog.text}>
          Every call with <code>{apiKey?.start}…</code> is refused within a second, and it cannot be undone. Your other
          keys and your usage stay as they are.
        </p>
      </div>
      <div className={dialog.buttons}>
        <Button variant="default" onClick={onClose} data-autofocus>
          Keep it
        </Button>
        <Button
          color="red"
          loading={revoke.isPending}
          onClick={() => apiKey && revoke.mutate(apiKey.id, { onSuccess: onClose })}
        >
          Revoke key
        </Button>
      </div>
    </Modal>
  );
}
