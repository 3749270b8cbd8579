import { NativeSelect } from '@mantine/core';
import { IconBolt } from '@tabler/icons-react';
import { useState } from 'react';
import { formatMoment } from '../../lib/format.ts';
import { type Column, DataTable } from '../../ui/DataTable.tsx';
import { Empty } from '../../ui/Empty.tsx';
import { Fault } from '../../ui/Fault.tsx';
import { LoadMore } from '../../ui/LoadMore.tsx';
import { Panel } from '../../ui/Panel.tsx';
import { TwoLines } from '../../ui/TwoLines.tsx';
import { type Owner, type WebhookEvent, useWebhookEvents } from './api.ts';
import classes from './webhooks.module.css';
import { typeGroups } from './words.ts';

const columns: Column<WebhookEvent>[] = [
  { head: 'Event', cell: (event) => <TwoLines first={event.type} second={<code>{event.id}</code>} /> },
  { head: 'Object', wideOnly: true, cell: (event) => <code>{event.data.object.id ?? event.data.object.object}</code> },
  { head: 'When', align: 'right', cell: (event) => formatMoment(event.created) },
];

/** What happened, as it is posted. */
export function EventLogPanel({ owner }: { owner: Owner }) {
  const [type, setType] = useState('');
  const events = useWebhookEvents(type);
  const types = typeGroups(owner).flatMap((group) => group.types.map((each) => each.type));
  return (
    <Panel
      title="Event log"
      flush
      actions={
        <NativeSelect
          size="xs"
          aria-label="Type"
          data={[{ value: '', label: 'Every type' }, ...types]}
          value={type}
          onChange={(event) => setType(event.currentTarget.value)}
        />
      }
    >
      {events.isError && !events.rows ? (
        <Fault what="Events" error={events.error} retry={events.refetch} />
      ) : (
        <DataTable
          label="Events"
          columns={columns}
          rows={events.rows}
          keyOf={(event) => event.id}
          detail={(event) => (
            <details className={classes.body}>
              <summary>Body</summary>
              <pre className={classes.answer}>{JSON.stringify(event, null, 2)}</pre>
            </details>
          )}
          empty={
            <Empty title="Nothing happened yet" icon={<IconBolt size={20} />}>
              Subscriptions, invoices and keys appear here as they change.
            </Empty>
          }
        />
      )}
      <LoadMore pages={events} />
    </Panel>
  );
}
