import { formatMoney, usualGroup } from '@farebox/core';
import { IconReceipt } from '@tabler/icons-react';
import { formatDay, formatPeriod } from '../../lib/format.ts';
import { usePages } from '../../lib/pages.ts';
import type { Subscription } from '../../lib/wire.ts';
import { type Column, DataTable } from '../../ui/DataTable.tsx';
import { Empty } from '../../ui/Empty.tsx';
import { Fault } from '../../ui/Fault.tsx';
import { LoadMore } from '../../ui/LoadMore.tsx';
import { Panel } from '../../ui/Panel.tsx';
import { StateLabel } from '../../ui/StateLabel.tsx';
import { Status } from '../../ui/Status.tsx';
import { TwoLines } from '../../ui/TwoLines.tsx';
import classes from './SubscriptionsPanel.module.css';

const columns: Column<Subscription>[] = [
  {
    head: 'Plan',
    cell: (one) => <TwoLines first={one.plan_name} second={versionWords(one)} />,
  },
  {
    head: 'Status',
    cell: (one) => (
      <span className={classes.states}>
        <StateLabel state={one.status} />
        {one.cancel_at && one.ended_at === null ? <Status tone="warn">Ends {formatDay(one.cancel_at)}</Status> : null}
      </span>
    ),
  },
  {
    head: 'Price',
    align: 'right',
    cell: (one) => `${formatMoney(one.price.amount_minor, one.price.currency, { trim: true })} / ${one.price.interval}`,
  },
  {
    head: 'Period',
    wideOnly: true,
    cell: (one) => formatPeriod(one.current_period_start_at, one.current_period_end_at),
  },
  { head: 'Since', wideOnly: true, align: 'right', cell: (one) => formatDay(one.created_at) },
];
const owner: Column<Subscription> = {
  head: 'Customer',
  wideOnly: true,
  cell: (one) => <code>{one.customer_id}</code>,
};

/** Where plans stand in groups of their own, with the group. */
function versionWords({ plan_version, group }: Subscription): string {
  return group === usualGroup ? `version ${plan_version}` : `version ${plan_version} · ${group}`;
}

/** Of everybody, or of one customer. */
export function SubscriptionsPanel({ customerId }: { customerId?: string }) {
  const subscriptions = usePages<Subscription>('/v1/subscriptions', { customer_id: customerId });
  return (
    <Panel title={customerId === undefined ? 'All subscriptions' : 'Subscriptions'} flush>
      {subscriptions.isError && !subscriptions.rows ? (
        <Fault what="Subscriptions" error={subscriptions.error} retry={subscriptions.refetch} />
      ) : (
        <DataTable
          label="Subscriptions"
          columns={customerId === undefined ? columns.toSpliced(-1, 0, owner) : columns}
          rows={subscriptions.rows}
          keyOf={(one) => one.id}
          empty={
            <Empty title="No subscriptions yet" icon={<IconReceipt size={20} />}>
              The first checkout makes the first one.
            </Empty>
          }
        />
      )}
      <LoadMore pages={subscriptions} />
    </Panel>
  );
}
