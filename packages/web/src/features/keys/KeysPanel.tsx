import { Button } from '@mantine/core';
import { IconKey, IconPlus } from '@tabler/icons-react';
import { useState } from 'react';
import { formatAgo } from '../../lib/format.ts';
import { faultText } from '../../lib/http.ts';
import { useNow } from '../../lib/session.ts';
import type { ApiKey } from '../../lib/wire.ts';
import { type Column, DataTable } from '../../ui/DataTable.tsx';
import { Empty } from '../../ui/Empty.tsx';
import { Fault } from '../../ui/Fault.tsx';
import { LoadMore } from '../../ui/LoadMore.tsx';
import { Notice } from '../../ui/Notice.tsx';
import { Panel } from '../../ui/Panel.tsx';
import { Status } from '../../ui/Status.tsx';
import { useKeys, useUpdateKey } from './api.ts';
import { CreateKeyDialog } from './CreateKeyDialog.tsx';
import { EditKeyDialog } from './EditKeyDialog.tsx';
import { type KeyAction, keyFacts, keyStatusWords, keyTones } from './key-words.ts';
import { KeyMenu } from './KeyMenu.tsx';
import classes from './KeysPanel.module.css';
import { RevealKeyDialog } from './RevealKeyDialog.tsx';
import { RevokeKeyDialog } from './RevokeKeyDialog.tsx';
import { RotateKeyDialog } from './RotateKeyDialog.tsx';

/** The keys of whoever is signed in; an operator looks at a customer's, and sees no secret. */
export function KeysPanel({ customerId }: { customerId?: string }) {
  const isOwner = customerId === undefined;
  const keys = useKeys(customerId);
  const [creating, setCreating] = useState(false);
  const [chosen, setChosen] = useState<{ action: KeyAction; apiKey: ApiKey } | null>(null);
  const update = useUpdateKey();
  const of = (action: KeyAction) => (chosen?.action === action ? chosen.apiKey : null);
  const close = () => setChosen(null);

  function choose(action: KeyAction, apiKey: ApiKey): void {
    if (action === 'enable' || action === 'disable')
      update.mutate({ id: apiKey.id, wish: { enabled: action === 'enable' } });
    else setChosen({ action, apiKey });
  }

  return (
    <Panel
      title="API keys"
      id="keys"
      flush
      actions={
        isOwner ? (
          <Button size="xs" leftSection={<IconPlus size={15} />} onClick={() => setCreating(true)}>
            Create key
          </Button>
        ) : null
      }
    >
      {update.isError ? <Notice tone="bad">{faultText(update.error)}</Notice> : null}
      {keys.isError && !keys.rows ? (
        <Fault what="Keys" error={keys.error} retry={keys.refetch} />
      ) : (
        <DataTable
          label="API keys"
          columns={columns(isOwner, choose)}
          rows={keys.rows}
          keyOf={(key) => key.id}
          empty={
            <Empty title="No keys yet" icon={<IconKey size={20} />}>
              {isOwner ? 'Create one for each place that calls the API.' : 'This customer has made none.'}
            </Empty>
          }
        />
      )}
      <LoadMore pages={keys} />
      <CreateKeyDialog opened={creating} onClose={() => setCreating(false)} />
      <EditKeyDialog apiKey={of('edit')} onClose={close} />
      <RotateKeyDialog apiKey={of('rotate')} onClose={close} />
      <RevealKeyDialog apiKey={of('reveal')} onClose={close} />
      <RevokeKeyDialog apiKey={of('revoke')} onClose={close} />
    </Panel>
  );
}

function columns(isOwner: boolean, choose: (action: KeyAction, key: ApiKey) => void): Column<ApiKey>[] {
  return [
    { head: 'Name', cell: (key) => <NameCell apiKey={key} /> },
    {
      head: 'Status',
      cell: (key) => <Status tone={keyTones[key.status]}>{keyStatusWords[key.status]}</Status>,
    },
    {
      head: 'Actions',
      hideHead: true,
      align: 'right',
      cell: (key) => <KeyMenu apiKey={key} isOwner={isOwner} onChoose={(action) => choose(action, key)} />,
    },
  ];
}

function NameCell({ apiKey }: { apiKey: ApiKey }) {
  const now = useNow();
  const facts = keyFacts(apiKey);
  const used = apiKey.last_used_at === null ? 'never used' : `used ${formatAgo(apiKey.last_used_at, now)}`;
  return (
    <div className={classes.name}>
      <strong>{apiKey.name}</strong>
      <span>
        <code>{apiKey.start}…</code> · {used}
      </span>
      {facts === '' ? null : <span>{facts}</span>}
    </div>
  );
}
