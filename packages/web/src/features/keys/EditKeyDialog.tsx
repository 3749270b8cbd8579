import { Modal } from '@mantine/core';
import { useNow } from '../../lib/session.ts';
import type { ApiKey } from '../../lib/wire.ts';
import { useUpdateKey } from './api.ts';
import { draftOf, wishOf } from './key-draft.ts';
import { KeyForm } from './KeyForm.tsx';

/** Changes what a key is called and may do; it counts from its next request. */
export function EditKeyDialog({ apiKey, onClose }: { apiKey: ApiKey | null; onClose: () => void }) {
  const update = useUpdateKey();
  const now = useNow();
  return (
    <Modal
      opened={apiKey !== null}
      onClose={onClose}
      onExitTransitionEnd={update.reset}
      size="lg"
      title={`Edit ${apiKey?.name ?? 'key'}`}
      closeButtonProps={{ 'aria-label': 'Close' }}
    >
      {apiKey === null ? null : (
        <KeyForm
          key={apiKey.id}
          initial={draftOf(apiKey)}
          label="Save"
          isPending={update.isPending}
          error={update.error}
          onSubmit={(draft) =>
            update.mutate({ id: apiKey.id, wish: wishOf(draft, now, draftOf(apiKey)) }, { onSuccess: onClose })
          }
          onCancel={onClose}
        />
      )}
    </Modal>
  );
}
