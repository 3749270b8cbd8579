import { Button, NativeSelect, SegmentedControl } from '@mantine/core';
import { IconSend } from '@tabler/icons-react';
import { useState } from 'react';
import { formatMoment } from '../../lib/format.ts';
import { faultText } from '../../lib/http.ts';
import { type Column, DataTable } from '../../ui/DataTable.tsx';
import { Empty } from '../../ui/Empty.tsx';
import { Fault } from '../../ui/Fault.tsx';
import { LoadMore } from '../../ui/LoadMore.tsx';
import { Notice } from '../../ui/Notice.tsx';
import { Panel } from '../../ui/Panel.tsx';
import { Status } from '../../ui/Status.tsx';
import { TwoLines } from '../../ui/TwoLines.tsx';
import { type Delivery, type DeliveryState, type Owner, useDeliveries, useEndpoints, useRetryDelivery } from './api.ts';
import dialog from '../../ui/Dialog.module.css';
import classes from './webhooks.module.css';
import { deliveryTones, deliveryWords, outcomeText } from './words.ts';

type Filter = DeliveryState | 'all';

const filters: { value: Filter; label: string }[] = [
  { value: 'all', label: 'All' },
  { value: 'failed', label: 'Failed' },
  { value: 'pending', label: 'Waiting' },
  { value: 'succeeded', label: 'Taken' },
];

/** What was posted where, what was answered, and another try. */
export function DeliveriesPanel({ owner }: { owner: Owner }) {
  const [state, setState] = useState<Filter>('all');
  const [endpoint_id, setEndpoint] = useState('');
  const endpoints = useEndpoints(owner);
  const deliveries = useDeliveries({ state, endpoint_id });
  const retry = useRetryDelivery();
  const choices = endpoints.rows?.map(({ id, url }) => ({ value: id, label: url })) ?? [];
  return (
    <Panel
      title="Deliveries"
      flush
      actions={
        <div className={classes.filters}>
          <NativeSelect
            size="xs"
            aria-label="Endpoint"
            data={[{ value: '', label: 'Every endpoint' }, ...choices]}
            value={endpoint_id}
            onChange={(event) => setEndpoint(event.currentTarget.value)}
          />
          <SegmentedControl
            size="xs"
            data={filters}
            value={state}
            onChange={(value) => setState(filters.find((filter) => filter.value === value)?.value ?? 'all')}
            aria-label="State"
          />
        </div>
      }
    >
      {retry.isError ? (
        <div className={classes.notice}>
          <Notice tone="bad">{faultText(retry.error)}</Notice>
        </div>
      ) : null}
      {deliveries.isError && !deliveries.rows ? (
        <Fault what="Deliveries" error={deliveries.error} retry={deliveries.refetch} />
      ) : (
        <DataTable
          label="Webhook deliveries"
          columns={columns((id) => retry.mutate(id), retry.isPending ? retry.variables : null)}
          rows={deliveries.rows}
          keyOf={(delivery) => delivery.id}
          detail={(delivery) => <Answer delivery={delivery} />}
          empty={
            <Empty title={state === 'all' ? 'Nothing was sent yet' : 'None of these'} icon={<IconSend size={20} />}>
              {state === 'all' ? 'What is posted to an endpoint appears here.' : 'Other deliveries have another state.'}
            </Empty>
          }
        />
      )}
      <LoadMore pages={deliveries} />
    </Panel>
  );
}

function Answer({ delivery }: { delivery: Delivery }) {
  const { answer, state, next_attempt_at } = delivery;
  const waits = state === 'pending' && next_attempt_at !== null && delivery.attempts > 0;
  if (!waits && (answer === null || answer === '')) return null;
  return (
    <div className={classes.box}>
      {waits ? <p className={dialog.text}>Sent again on {formatMoment(next_attempt_at)}.</p> : null}
      {answer === null || answer === '' ? null : (
        <details className={classes.body}>
          <summary>Answer</summary>
          <pre className={classes.answer}>{answer}</pre>
        </details>
      )}
    </div>
  );
}

function columns(retry: (id: string) => void, retrying: string | null): Column<Delivery>[] {
  return [
    {
      head: 'Event',
      cell: (delivery) => <TwoLines first={delivery.event_type} second={outcomeText(delivery)} />,
    },
    {
      head: 'State',
      cell: ({ state }) => <Status tone={deliveryTones[state]}>{deliveryWords[state]}</Status>,
    },
    { head: 'Tries', wideOnly: true, align: 'right', cell: (delivery) => delivery.attempts },
    {
      head: 'Last try',
      wideOnly: true,
      align: 'right',
      cell: ({ last_attempt_at: at }) => (at === null ? '–' : formatMoment(at)),
    },
    {
      head: 'Actions',
      hideHead: true,
      align: 'right',
      cell: ({ id, state }) =>
        state === 'sending' ? null : (
          <Button variant="default" size="xs" loading={retrying === id} onClick={() => retry(id)}>
            Send again
          </Button>
        ),
    },
  ];
}
