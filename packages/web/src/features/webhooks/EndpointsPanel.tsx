import { ActionIcon, Button, Menu } from '@mantine/core';
import {
  IconDots,
  IconPencil,
  IconPlayerPause,
  IconPlayerPlay,
  IconPlus,
  IconRefresh,
  IconSend,
  IconTrash,
  IconWebhook,
} from '@tabler/icons-react';
import { useState } from 'react';
import { faultText } from '../../lib/http.ts';
import { type Column, DataTable } from '../../ui/DataTable.tsx';
import { Empty } from '../../ui/Empty.tsx';
import { Fault } from '../../ui/Fault.tsx';
import { LoadMore } from '../../ui/LoadMore.tsx';
import { Notice } from '../../ui/Notice.tsx';
import { Panel } from '../../ui/Panel.tsx';
import { Status } from '../../ui/Status.tsx';
import {
  type Delivery,
  type Owner,
  type WebhookEndpoint,
  useEndpoints,
  useTestEndpoint,
  useUpdateEndpoint,
} from './api.ts';
import {
  CreateEndpointDialog,
  DeleteEndpointDialog,
  EditEndpointDialog,
  RotateSecretDialog,
} from './EndpointDialogs.tsx';
import classes from './webhooks.module.css';
import { endpointStatus, endpointTrouble, outcomeText, typesText } from './words.ts';

type Asked = 'edit' | 'rotate' | 'delete';
type Action = Asked | 'test' | 'enable' | 'disable';

/** Where events are posted to. */
export function EndpointsPanel({ owner }: { owner: Owner }) {
  const endpoints = useEndpoints(owner);
  const [creating, setCreating] = useState(false);
  const [chosen, setChosen] = useState<{ action: Asked; endpoint: WebhookEndpoint } | null>(null);
  const update = useUpdateEndpoint();
  const test = useTestEndpoint();
  const of = (action: Asked) => (chosen?.action === action ? chosen.endpoint : null);
  const close = () => setChosen(null);

  function choose(action: Action, endpoint: WebhookEndpoint): void {
    if (action === 'test') test.mutate(endpoint.id);
    else if (action === 'enable' || action === 'disable')
      update.mutate({ id: endpoint.id, wish: { enabled: action === 'enable' } });
    else setChosen({ action, endpoint });
  }

  return (
    <Panel
      title="Endpoints"
      flush
      actions={
        <Button size="xs" leftSection={<IconPlus size={15} />} onClick={() => setCreating(true)}>
          Add endpoint
        </Button>
      }
    >
      <Told error={update.error ?? test.error} isTesting={test.isPending} tested={test.data} />
      {endpoints.isError && !endpoints.rows ? (
        <Fault what="Endpoints" error={endpoints.error} retry={endpoints.refetch} />
      ) : (
        <DataTable
          label="Webhook endpoints"
          columns={columns(choose)}
          rows={endpoints.rows}
          keyOf={(endpoint) => endpoint.id}
          empty={
            <Empty title="No endpoints yet" icon={<IconWebhook size={20} />}>
              Add the address of your program, and it hears of what happens.
            </Empty>
          }
        />
      )}
      <LoadMore pages={endpoints} />
      <CreateEndpointDialog owner={owner} opened={creating} onClose={() => setCreating(false)} />
      <EditEndpointDialog owner={owner} endpoint={of('edit')} onClose={close} />
      <RotateSecretDialog endpoint={of('rotate')} onClose={close} />
      <DeleteEndpointDialog endpoint={of('delete')} onClose={close} />
    </Panel>
  );
}

/** What came of the last thing that was asked for. */
function Told(props: { error: unknown; isTesting: boolean; tested: Delivery | undefined }) {
  const { error, isTesting, tested } = props;
  if (error !== null)
    return (
      <div className={classes.notice}>
        <Notice tone="bad">{faultText(error)}</Notice>
      </div>
    );
  if (isTesting)
    return (
      <div className={classes.notice}>
        <Notice tone="info">The test is sent: an answer may take ten seconds.</Notice>
      </div>
    );
  if (tested === undefined) return null;
  const isTaken = tested.state === 'succeeded';
  return (
    <div className={classes.notice}>
      <Notice tone={isTaken ? 'good' : 'bad'} title={isTaken ? 'The test was taken.' : 'The test failed.'}>
        {outcomeText(tested)}
      </Notice>
    </div>
  );
}

function columns(choose: (action: Action, endpoint: WebhookEndpoint) => void): Column<WebhookEndpoint>[] {
  return [
    { head: 'Endpoint', cell: (endpoint) => <NameCell endpoint={endpoint} /> },
    { head: 'Hears of', wideOnly: true, cell: (endpoint) => typesText(endpoint.event_types) },
    {
      head: 'Status',
      cell: (endpoint) => {
        const { tone, text } = endpointStatus(endpoint);
        return <Status tone={tone}>{text}</Status>;
      },
    },
    {
      head: 'Actions',
      hideHead: true,
      align: 'right',
      cell: (endpoint) => <EndpointMenu endpoint={endpoint} onChoose={(action) => choose(action, endpoint)} />,
    },
  ];
}

function NameCell({ endpoint }: { endpoint: WebhookEndpoint }) {
  const trouble = endpointTrouble(endpoint);
  return (
    <div className={classes.name}>
      <strong>{endpoint.url}</strong>
      {endpoint.description === '' ? null : <span>{endpoint.description}</span>}
      {trouble === null ? null : <span>{trouble}</span>}
    </div>
  );
}

function EndpointMenu({ endpoint, onChoose }: { endpoint: WebhookEndpoint; onChoose: (action: Action) => void }) {
  const isOn = endpoint.status === 'enabled';
  return (
    <Menu width={200} position="bottom-end">
      <Menu.Target>
        <ActionIcon aria-label={`Actions of ${endpoint.url}`}>
          <IconDots size={18} />
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Item leftSection={<IconSend size={16} />} onClick={() => onChoose('test')}>
          Send a test
        </Menu.Item>
        <Menu.Item leftSection={<IconPencil size={16} />} onClick={() => onChoose('edit')}>
          Edit
        </Menu.Item>
        <Menu.Item leftSection={<IconRefresh size={16} />} onClick={() => onChoose('rotate')}>
          Rotate secret
        </Menu.Item>
        <Menu.Item
          leftSection={isOn ? <IconPlayerPause size={16} /> : <IconPlayerPlay size={16} />}
          onClick={() => onChoose(isOn ? 'disable' : 'enable')}
        >
          {isOn ? 'Switch off' : 'Switch on'}
        </Menu.Item>
        <Menu.Item color="red" leftSection={<IconTrash size={16} />} onClick={() => onChoose('delete')}>
          Delete
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}
