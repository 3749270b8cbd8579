import { Button, Modal, TextInput } from '@mantine/core';
import { useState, type FormEvent } from 'react';
import { faultText } from '../../lib/http.ts';
import { Notice } from '../../ui/Notice.tsx';
import { useCreateKey } from './api.ts';
import classes from './dialogs.module.css';
import { SecretBox } from './SecretBox.tsx';

/** Asks for a name, then shows the secret. While the secret is shown, only a button closes it. */
export function CreateKeyDialog({ opened, onClose }: { opened: boolean; onClose: () => void }) {
  const [name, setName] = useState('');
  const create = useCreateKey();
  const secret = create.data?.secret;

  function submit(event: FormEvent): void {
    event.preventDefault();
    create.mutate(name.trim());
  }

  return (
    <Modal
      opened={opened}
      onClose={onClose}
      onExitTransitionEnd={() => {
        create.reset();
        setName('');
      }}
      size="lg"
      title={secret ? `${create.data?.name ?? 'The key'} is ready` : 'Create an API key'}
      closeOnClickOutside={!secret}
      closeOnEscape={!secret}
      closeButtonProps={{ 'aria-label': 'Close' }}
    >
      {secret ? (
        <>
          <SecretBox secret={secret} />
          <div className={classes.buttons}>
            <Button onClick={onClose}>Done</Button>
          </div>
        </>
      ) : (
        <form onSubmit={submit} className={classes.form}>
          {create.isError ? <Notice tone="bad">{faultText(create.error)}</Notice> : null}
          <TextInput
            label="Name"
            description="Where it will be used: it helps when you have to revoke one"
            placeholder="Production"
            value={name}
            onChange={(event) => setName(event.currentTarget.value)}
            required
            withAsterisk={false}
            maxLength={100}
            data-autofocus
          />
          <div className={classes.buttons}>
            <Button variant="default" onClick={onClose}>
              Cancel
            </Button>
            <Button type="submit" loading={create.isPending} disabled={name.trim() === ''}>
              Create
            </Button>
          </div>
        </form>
      )}
    </Modal>
  );
}
