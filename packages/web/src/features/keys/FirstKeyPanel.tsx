import { Button } from '@mantine/core';
import { IconEye } from '@tabler/icons-react';
import { useState } from 'react';
import { faultText, isFault } from '../../lib/http.ts';
import type { ApiKey } from '../../lib/wire.ts';
import { Notice } from '../../ui/Notice.tsx';
import { Panel } from '../../ui/Panel.tsx';
import { useKeys, useRevealFirstKey } from './api.ts';
import classes from './FirstKeyPanel.module.css';
import { waitingFirstKey } from './key-words.ts';
import { SecretBox } from './SecretBox.tsx';

const storage = 'farebox-first-key-seen';

/** The key that was made with the subscription: shown once, when its owner asks. Not there when there is none. */
export function FirstKeyPanel() {
  const { rows } = useKeys();
  const reveal = useRevealFirstKey();
  const [shown, setShown] = useState<ApiKey | null>(null);
  const [closed, setClosed] = useState(() => localStorage.getItem(storage));
  const waiting = shown ?? waitingFirstKey(rows ?? []);
  if (!waiting || closed === waiting.id) return null;

  function ask(key: ApiKey): void {
    setShown(key);
    // It will not be offered again in this browser; it stays on the screen until it is closed.
    reveal.mutate(undefined, { onSuccess: () => localStorage.setItem(storage, key.id) });
  }

  function close(key: ApiKey): void {
    localStorage.setItem(storage, key.id);
    setShown(null);
    setClosed(key.id);
  }

  return (
    <Panel title={reveal.data ? 'Your first API key' : 'Your first API key is ready'} tone="brand">
      {reveal.data ? (
        <SecretBox secret={reveal.data.secret} />
      ) : (
        <div className={classes.row}>
          <p className={classes.words}>
            {reveal.isError ? (
              <Outcome error={reveal.error} />
            ) : (
              <>
                <code>{waiting.start}…</code> was made with your subscription. It can be shown exactly once: have a
                place ready to keep it.
              </>
            )}
          </p>
          <Button leftSection={<IconEye size={18} />} loading={reveal.isPending} onClick={() => ask(waiting)}>
            Reveal key
          </Button>
        </div>
      )}
      {reveal.data || isFault(reveal.error, 'not_found') ? (
        <Button className={classes.close} variant="default" size="sm" onClick={() => close(waiting)}>
          {reveal.data ? 'I have stored it' : 'Close'}
        </Button>
      ) : null}
    </Panel>
  );
}

function Outcome({ error }: { error: unknown }) {
  return (
    <Notice tone="bad">
      {isFault(error, 'not_found')
        ? 'This key was shown before. If it is lost, create another one and revoke this one.'
        : faultText(error)}
    </Notice>
  );
}
