import { Button, SegmentedControl } from '@mantine/core';
import { IconActivity } from '@tabler/icons-react';
import { type ReactNode, useState } from 'react';
import { formatMoment } from '../../lib/format.ts';
import type { UsageEvent } from '../../lib/wire-usage.ts';
import { type Column, DataTable } from '../../ui/DataTable.tsx';
import { Empty } from '../../ui/Empty.tsx';
import { Fault } from '../../ui/Fault.tsx';
import { LoadMore } from '../../ui/LoadMore.tsx';
import { Notice } from '../../ui/Notice.tsx';
import { Panel } from '../../ui/Panel.tsx';
import { Status } from '../../ui/Status.tsx';
import { TwoLines } from '../../ui/TwoLines.tsx';
import { CorrectDialog } from './CorrectDialog.tsx';
import { type Shown, useUsageEvents } from './api.ts';
import { countedWords, uncountedWords } from './correction-words.ts';
import classes from './usage-events.module.css';

/** What came of one customer, what each meter made of it, and where it was wrong: put right, with the reason. */
export function CorrectableEvents({ customerId }: { customerId: string }) {
  const [chosen, setChosen] = useState<{ event: UsageEvent; kind: 'void' | 'correct' } | null>(null);
  const [done, setDone] = useState<string | null>(null);
  return (
    <>
      <UsageEventsPanel
        customerId={customerId}
        columns={correctable((event, kind) => setChosen({ event, kind }))}
        notice={
          done === null ? null : (
            <Notice tone="good" title="Put right.">
              {done}
            </Notice>
          )
        }
      />
      <CorrectDialog customerId={customerId} chosen={chosen} onClose={() => setChosen(null)} onDone={setDone} />
    </>
  );
}

/** What came of the customer who is signed in. */
export function OwnUsageEvents() {
  return <UsageEventsPanel columns={inspected} notice={null} />;
}

interface EventsProps {
  customerId?: string;
  columns: readonly Column<UsageEvent>[];
  notice: ReactNode;
}

const choices: { value: Shown; label: string }[] = [
  { value: 'all', label: 'All' },
  { value: 'true', label: 'Counted' },
  { value: 'false', label: 'Not counted' },
];

function UsageEventsPanel({ customerId, columns, notice }: EventsProps) {
  const [shown, show] = useState<Shown>('all');
  const events = useUsageEvents(customerId, shown);
  return (
    <Panel
      title="Usage events"
      id="usage-events"
      flush
      actions={<SegmentedControl size="xs" data={choices} value={shown} onChange={show} aria-label="Events shown" />}
    >
      {notice === null ? null : <div className={classes.notice}>{notice}</div>}
      {events.isError && !events.rows ? (
        <Fault what="Usage events" error={events.error} retry={events.refetch} />
      ) : (
        <DataTable
          label="Usage events"
          columns={columns}
          rows={events.rows}
          keyOf={(event) => `${event.id} ${event.type} ${event.source}`}
          detail={detailOf}
          empty={
            shown === 'all' ? (
              <Empty title="No usage events" icon={<IconActivity size={20} />}>
                They appear when the gate lets a request through, and when events are sent.
              </Empty>
            ) : (
              <Empty title={shown === 'true' ? 'No event was counted' : 'Every event was counted'} />
            )
          }
        />
      )}
      <LoadMore pages={events} />
    </Panel>
  );
}

function detailOf(event: UsageEvent): ReactNode {
  const words = uncountedWords(event);
  if (words.length === 0 && event.corrections.length === 0) return null;
  return (
    <>
      {words.map((sentence) => (
        <p key={sentence} className={classes.why}>
          {sentence}
        </p>
      ))}
      {event.corrections.length === 0 ? null : <History event={event} />}
    </>
  );
}

function History({ event }: { event: UsageEvent }) {
  return (
    <ul className={classes.history} aria-label={`Corrections of ${event.id}`}>
      {event.corrections.map(({ id, kind, reason, actor, created_at }) => (
        <li key={id}>
          <Status tone={kind === 'void' ? 'neutral' : 'brand'}>{kind === 'void' ? 'Void' : 'Corrected'}</Status>
          <span>
            {reason} ({formatMoment(created_at)}, {actor})
          </span>
        </li>
      ))}
    </ul>
  );
}

const inspected: Column<UsageEvent>[] = [
  { head: 'Event', cell: (event) => <TwoLines first={event.type} second={<code>{event.id}</code>} /> },
  { head: 'Counted', cell: countedWords },
  { head: 'When', wideOnly: true, align: 'right', cell: (event) => formatMoment(event.occurred_at) },
];

function correctable(choose: (event: UsageEvent, kind: 'void' | 'correct') => void): Column<UsageEvent>[] {
  return [
    ...inspected,
    {
      head: 'Actions',
      hideHead: true,
      align: 'right',
      cell: (event) => (
        <span className={classes.actions}>
          <Button variant="subtle" size="compact-xs" onClick={() => choose(event, 'correct')}>
            Correct<span className="visually-hidden"> {event.id}</span>
          </Button>
          {event.corrections[0]?.kind === 'void' ? null : (
            <Button variant="subtle" size="compact-xs" onClick={() => choose(event, 'void')}>
              Void<span className="visually-hidden"> {event.id}</span>
            </Button>
          )}
        </span>
      ),
    },
  ];
}
