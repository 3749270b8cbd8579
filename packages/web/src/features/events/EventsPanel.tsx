import { Button, SegmentedControl } from '@mantine/core';
import { IconBolt } from '@tabler/icons-react';
import { faultText } from '../../lib/http.ts';
import { formatMoment } from '../../lib/format.ts';
import type { StripeEvent, StripeEventState } from '../../lib/wire.ts';
import { type Column, DataTable } from '../../ui/DataTable.tsx';
import { Empty } from '../../ui/Empty.tsx';
import { Fault } from '../../ui/Fault.tsx';
import { LoadMore } from '../../ui/LoadMore.tsx';
import { Notice } from '../../ui/Notice.tsx';
import { Panel } from '../../ui/Panel.tsx';
import { StateLabel } from '../../ui/StateLabel.tsx';
import { TwoLines } from '../../ui/TwoLines.tsx';
import { useReplay, useStripeEvents } from './api.ts';
import classes from './EventsPanel.module.css';

type EventFilter = StripeEventState | 'all';

const filters: { value: EventFilter; label: string }[] = [
  { value: 'all', label: 'All' },
  { value: 'parked', label: 'Parked' },
  { value: 'received', label: 'Received' },
  { value: 'done', label: 'Done' },
  { value: 'ignored', label: 'Ignored' },
];

interface EventsPanelProps {
  filter: EventFilter;
  setFilter: (filter: EventFilter) => void;
}

/** What Stripe told us, what became of it; what could not be understood is parked and can be tried again. */
export function EventsPanel({ filter, setFilter }: EventsPanelProps) {
  const events = useStripeEvents(filter);
  const replay = useReplay();
  return (
    <Panel
      title="Events from Stripe"
      flush
      actions={<SegmentedControl size="xs" data={filters} value={filter} onChange={setFilter} aria-label="State" />}
    >
      {replay.isError ? (
        <div className={classes.notice}>
          <Notice tone="bad" title="The event could not be replayed.">
            {faultText(replay.error)}
          </Notice>
        </div>
      ) : null}
      {events.isError && !events.rows ? (
        <Fault what="Events" error={events.error} retry={events.refetch} />
      ) : (
        <DataTable
          label="Stripe events"
          columns={columns((id) => replay.mutate(id), replay.isPending ? replay.variables : null)}
          rows={events.rows}
          keyOf={(event) => event.id}
          detail={(event) =>
            event.reason && event.state !== 'ignored' ? <p className={classes.reason}>{event.reason}</p> : null
          }
          empty={
            <Empty title={filter === 'parked' ? 'Nothing is parked' : 'No events'} icon={<IconBolt size={20} />}>
              {filter === 'parked' ? 'Every event was understood.' : 'They arrive when something happens at Stripe.'}
            </Empty>
          }
        />
      )}
      <LoadMore pages={events} />
    </Panel>
  );
}

function columns(replay: (id: string) => void, replaying: string | null): Column<StripeEvent>[] {
  return [
    { head: 'Event', cell: (event) => <TwoLines first={event.type} second={<code>{event.id}</code>} /> },
    { head: 'State', cell: (event) => <StateLabel state={event.state} /> },
    { head: 'Object', wideOnly: true, cell: (event) => <code>{event.object_id ?? '–'}</code> },
    { head: 'Attempts', wideOnly: true, align: 'right', cell: (event) => event.attempts },
    { head: 'Received', wideOnly: true, align: 'right', cell: (event) => formatMoment(event.received_at) },
    {
      head: 'Actions',
      hideHead: true,
      align: 'right',
      cell: (event) =>
        event.state === 'parked' ? (
          <Button variant="default" size="xs" loading={replaying === event.id} onClick={() => replay(event.id)}>
            Replay
          </Button>
        ) : null,
    },
  ];
}
