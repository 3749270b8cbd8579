import { Button } from '@mantine/core';
import { IconKey, IconPlus } from '@tabler/icons-react';
import { useState } from 'react';
import { useNow } from '../../lib/session.ts';
import { formatAgo } from '../../lib/format.ts';
import type { ApiKey } from '../../lib/wire.ts';
import { type Column, DataTable } from '../../ui/DataTable.tsx';
import { Empty } from '../../ui/Empty.tsx';
import { Fault } from '../../ui/Fault.tsx';
import { LoadMore } from '../../ui/LoadMore.tsx';
import { Panel } from '../../ui/Panel.tsx';
import { Status } from '../../ui/Status.tsx';
import { useKeys } from './api.ts';
import { CreateKeyDialog } from './CreateKeyDialog.tsx';
import { keyStatusWords, keyTones } from './key-words.ts';
import classes from './KeysPanel.module.css';
import { RevokeKeyDialog } from './RevokeKeyDialog.tsx';

export function KeysPanel() {
  const keys = useKeys();
  const [creating, setCreating] = useState(false);
  const [revoking, setRevoking] = useState<ApiKey | null>(null);
  return (
    <Panel
      title="API keys"
      id="keys"
      flush
      actions={
        <Button size="xs" leftSection={<IconPlus size={15} />} onClick={() => setCreating(true)}>
          Create key
        </Button>
      }
    >
      {keys.isError && !keys.rows ? (
        <Fault what="Keys" error={keys.error} retry={keys.refetch} />
      ) : (
        <DataTable
          label="API keys"
          columns={columns(setRevoking)}
          rows={keys.rows}
          keyOf={(key) => key.id}
          empty={
            <Empty title="No keys yet" icon={<IconKey size={20} />}>
              Create one for each place that calls the API.
            </Empty>
          }
        />
      )}
      <LoadMore pages={keys} />
      <CreateKeyDialog opened={creating} onClose={() => setCreating(false)} />
      <RevokeKeyDialog apiKey={revoking} onClose={() => setRevoking(null)} />
    </Panel>
  );
}

function columns(revoke: (key: ApiKey) => void): Column<ApiKey>[] {
  return [
    { head: 'Name', cell: (key) => <NameCell apiKey={key} /> },
    { head: 'Key', wideOnly: true, cell: (key) => <code className={classes.start}>{key.start}…</code> },
    {
      head: 'Status',
      cell: (key) => <Status tone={keyTones[key.status]}>{keyStatusWords[key.status]}</Status>,
    },
    {
      head: 'Actions',
      hideHead: true,
      align: 'right',
      cell: (key) =>
        key.status === 'active' || key.status === 'disabled' ? (
          <Button variant="default" size="xs" onClick={() => revoke(key)}>
            Revoke
          </Button>
        ) : null,
    },
  ];
}

function NameCell({ apiKey }: { apiKey: ApiKey }) {
  const now = useNow();
  const scopes = apiKey.scopes.length === 0 ? '' : `${apiKey.scopes.join(', ')} · `;
  const used = apiKey.last_used_at === null ? 'never used' : `last used ${formatAgo(apiKey.last_used_at, now)}`;
  return (
    <div className={classes.name}>
      <strong>{apiKey.name}</strong>
      <span>
        {scopes}
        {used}
      </span>
      <code className={classes.narrowStart}>{apiKey.start}…</code>
    </div>
  );
}
