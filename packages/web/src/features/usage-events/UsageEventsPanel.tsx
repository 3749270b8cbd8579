import { Button } from '@mantine/core';
import { IconActivity } from '@tabler/icons-react';
import { useState } from 'react';
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
import { useUsageEvents } from './api.ts';
import { countedWords } from './correction-words.ts';
import classes from './usage-events.module.css';

/** What came of one customer, what each meter made of it, and where it was wrong: put right, with the reason. */
export function UsageEventsPanel({ customerId }: { customerId: string }) {
  const events = useUsageEvents(customerId);
  const [chosen, setChosen] = useState<{ event: UsageEvent; kind: 'void' | 'correct' } | null>(null);
  const [done, setDone] = useState<string | null>(null);
  return (
    <Panel title="Usage events" id="usage-events" flush>
      {done === null ? null : (
        <div className={classes.notice}>
          <Notice tone="good" title="Put right.">
            {done}
          </Notice>
        </div>
      )}
      {events.isError && !events.rows ? (
        <Fault what="Usage events" error={events.error} retry={events.refetch} />
      ) : (
        <DataTable
          label="Usage events"
          columns={columns((event, kind) => setChosen({ event, kind }))}
          rows={events.rows}
          keyOf={(event) => `${event.id} ${event.type} ${event.source}`}
          detail={(event) => (event.corrections.length === 0 ? null : <History event={event} />)}
          empty={
            <Empty title="No usage events" icon={<IconActivity size={20} />}>
              They appear when the gate lets a request through, and when events are sent.
            </Empty>
          }
        />
      )}
      <LoadMore pages={events} />
      <CorrectDialog customerId={customerId} chosen={chosen} onClose={() => setChosen(null)} onDone={setDone} />
    </Panel>
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

function columns(choose: (event: UsageEvent, kind: 'void' | 'correct') => void): Column<UsageEvent>[] {
  return [
    { head: 'Event', cell: (event) => <TwoLines first={event.type} second={<code>{event.id}</code>} /> },
    { head: 'Counted', cell: countedWords },
    { head: 'When', wideOnly: true, align: 'right', cell: (event) => formatMoment(event.occurred_at) },
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
