import { Button, Modal, NativeSelect } from '@mantine/core';
import { useState } from 'react';
import { formatMoment } from '../../lib/format.ts';
import { faultText } from '../../lib/http.ts';
import { Notice } from '../../ui/Notice.tsx';
import {
  type Owner,
  type WebhookEndpoint,
  useCreateEndpoint,
  useDeleteEndpoint,
  useRotateSecret,
  useUpdateEndpoint,
} from './api.ts';
import { EndpointForm } from './EndpointForm.tsx';
import { SecretBox } from './SecretBox.tsx';
import dialog from '../../ui/Dialog.module.css';
import { overlapChoices } from './words.ts';

const close = { closeButtonProps: { 'aria-label': 'Close' } } as const;

/** Asks where to and what, then shows the secret. While the secret is shown, only a button closes it. */
export function CreateEndpointDialog(props: { owner: Owner; opened: boolean; onClose: () => void }) {
  const { owner, opened, onClose } = props;
  const create = useCreateEndpoint();
  const secret = create.data?.secret;
  return (
    <Modal
      {...close}
      opened={opened}
      onClose={onClose}
      onExitTransitionEnd={create.reset}
      size="xl"
      title={secret ? 'The endpoint is ready' : 'Add a webhook endpoint'}
      closeOnClickOutside={!secret}
      closeOnEscape={!secret}
    >
      {secret ? (
        <>
          <SecretBox secret={secret} />
          <div className={dialog.buttons}>
            <Button onClick={onClose}>Done</Button>
          </div>
        </>
      ) : (
        <EndpointForm
          owner={owner}
          initial={{ url: '', description: '', event_types: ['*'] }}
          label="Add endpoint"
          isPending={create.isPending}
          error={create.error}
          onSubmit={(draft) => create.mutate(draft)}
          onCancel={onClose}
        />
      )}
    </Modal>
  );
}

interface OfOne {
  /** Null: closed. */
  endpoint: WebhookEndpoint | null;
  onClose: () => void;
}

export function EditEndpointDialog({ owner, endpoint, onClose }: OfOne & { owner: Owner }) {
  const update = useUpdateEndpoint();
  return (
    <Modal
      {...close}
      opened={endpoint !== null}
      onClose={onClose}
      onExitTransitionEnd={update.reset}
      size="xl"
      title="Edit the endpoint"
    >
      {endpoint ? (
        <EndpointForm
          owner={owner}
          initial={endpoint}
          label="Save"
          isPending={update.isPending}
          error={update.error}
          onSubmit={({ url, description, event_types }) =>
            update.mutate({ id: endpoint.id, wish: { url, description, event_types } }, { onSuccess: onClose })
          }
          onCancel={onClose}
        />
      ) : null}
    </Modal>
  );
}

/** A new secret, and how long the old one signs as well: time to put the new one everywhere. */
export function RotateSecretDialog({ endpoint, onClose }: OfOne) {
  const [overlap, setOverlap] = useState('86400');
  const rotate = useRotateSecret();
  const made = rotate.data;
  return (
    <Modal
      {...close}
      opened={endpoint !== null}
      onClose={onClose}
      onExitTransitionEnd={() => {
        rotate.reset();
        setOverlap('86400');
      }}
      size="lg"
      title={made ? 'The endpoint has a new secret' : 'Rotate the secret'}
      closeOnClickOutside={!made}
      closeOnEscape={!made}
    >
      {made ? (
        <>
          <SecretBox secret={made.secret} />
          <p className={dialog.text}>
            {made.former_until_at === null
              ? 'Messages are signed with the new secret alone.'
              : `Messages are signed with both until ${formatMoment(made.former_until_at)}.`}
          </p>
          <div className={dialog.buttons}>
            <Button onClick={onClose}>Done</Button>
          </div>
        </>
      ) : (
        <>
          <div className={dialog.form}>
            {rotate.isError ? <Notice tone="bad">{faultText(rotate.error)}</Notice> : null}
            <NativeSelect
              label="The present secret signs as well for"
              data={overlapChoices}
              value={overlap}
              onChange={(event) => setOverlap(event.currentTarget.value)}
            />
          </div>
          <div className={dialog.buttons}>
            <Button variant="default" onClick={onClose}>
              Cancel
            </Button>
            <Button
              loading={rotate.isPending}
              onClick={() => endpoint && rotate.mutate({ id: endpoint.id, overlap_seconds: Number(overlap) })}
            >
              Rotate secret
            </Button>
          </div>
        </>
      )}
    </Modal>
  );
}

/** Says what goes with it before it is done. */
export function DeleteEndpointDialog({ endpoint, onClose }: OfOne) {
  const remove = useDeleteEndpoint();
  return (
    <Modal
      {...close}
      opened={endpoint !== null}
      onClose={onClose}
      onExitTransitionEnd={remove.reset}
      title="Delete the endpoint?"
    >
      <div className={dialog.form}>
        {remove.isError ? <Notice tone="bad">{faultText(remove.error)}</Notice> : null}
        <p className={dialog.text}>
          Nothing is posted to <code>{endpoint?.url}</code> any more. What was, is forgotten with it, and so is its
          secret.
        </p>
      </div>
      <div className={dialog.buttons}>
        <Button variant="default" onClick={onClose} data-autofocus>
          Keep it
        </Button>
        <Button
          color="red"
          loading={remove.isPending}
          onClick={() => endpoint && remove.mutate(endpoint.id, { onSuccess: onClose })}
        >
          Delete endpoint
        </Button>
      </div>
    </Modal>
  );
}
