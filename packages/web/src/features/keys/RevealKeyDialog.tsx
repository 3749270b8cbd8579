import { Button, Modal } from '@mantine/core';
import { faultText, isFault } from '../../lib/http.ts';
import type { ApiKey } from '../../lib/wire.ts';
import { Notice } from '../../ui/Notice.tsx';
import { useRevealKey } from './api.ts';
import dialog from '../../ui/Dialog.module.css';
import { SecretBox } from './SecretBox.tsx';

/** The secret that waits since a rotation nobody asked for, shown once. */
export function RevealKeyDialog({ apiKey, onClose }: { apiKey: ApiKey | null; onClose: () => void }) {
  const reveal = useRevealKey();
  const shown = reveal.data;
  return (
    <Modal
      opened={apiKey !== null}
      onClose={onClose}
      onExitTransitionEnd={reveal.reset}
      size="lg"
      title={`The new secret of ${apiKey?.name ?? 'the key'}`}
      closeOnClickOutside={!shown}
      closeOnEscape={!shown}
      closeButtonProps={{ 'aria-label': 'Close' }}
    >
      {shown ? (
        <SecretBox secret={shown.secret} />
      ) : (
        <div className={dialog.form}>
          {reveal.isError ? (
            <Notice tone="bad">
              {isFault(reveal.error, 'not_found')
                ? 'It was shown before, or waited too long. Rotate the key to get another one.'
                : faultText(reveal.error)}
            </Notice>
          ) : null}
          <p className={dialog.text}>It can be shown exactly once: have a place ready to keep it.</p>
        </div>
      )}
      <div className={dialog.buttons}>
        {shown ? (
          <Button onClick={onClose}>I have stored it</Button>
        ) : (
          <>
            <Button variant="default" onClick={onClose}>
              Not now
            </Button>
            <Button loading={reveal.isPending} onClick={() => apiKey && reveal.mutate(apiKey.id)} data-autofocus>
              Reveal
            </Button>
          </>
        )}
      </div>
    </Modal>
  );
}
