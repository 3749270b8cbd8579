import { Button, Modal } from '@mantine/core';
import { useNow } from '../../lib/session.ts';
import { useCreateKey } from './api.ts';
import dialog from '../../ui/Dialog.module.css';
import { emptyDraft, wishOf } from './key-draft.ts';
import { KeyForm } from './KeyForm.tsx';
import { SecretBox } from './SecretBox.tsx';

/** Asks what the key is for, then shows the secret. While the secret is shown, only a button closes it. */
export function CreateKeyDialog({ opened, onClose }: { opened: boolean; onClose: () => void }) {
  const create = useCreateKey();
  const now = useNow();
  const secret = create.data?.secret;
  return (
    <Modal
      opened={opened}
      onClose={onClose}
      onExitTransitionEnd={create.reset}
      size="lg"
      title={secret ? `${create.data?.name ?? 'The key'} is ready` : 'Create an API key'}
      closeOnClickOutside={!secret}
      closeOnEscape={!secret}
      closeButtonProps={{ 'aria-label': 'Close' }}
    >
      {secret ? (
        <>
          <SecretBox secret={secret} />
          <div className={dialog.buttons}>
            <Button onClick={onClose}>Done</Button>
          </div>
        </>
      ) : (
        <KeyForm
          initial={emptyDraft}
          label="Create"
          isPending={create.isPending}
          error={create.error}
          onSubmit={(draft) => create.mutate(wishOf(draft, now))}
          onCancel={onClose}
        />
      )}
    </Modal>
  );
}
