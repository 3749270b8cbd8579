import { formatMoney, migrationProgressText } from '@farebox/core';
import { Button } from '@mantine/core';
import { useState } from 'react';
import { formatDay } from '../../lib/format.ts';
import { faultText } from '../../lib/http.ts';
import type { PlanMigration, PlanVersion } from '../../lib/wire.ts';
import { type Column, DataTable } from '../../ui/DataTable.tsx';
import { Empty } from '../../ui/Empty.tsx';
import { Fault } from '../../ui/Fault.tsx';
import { Gauge } from '../../ui/Gauge.tsx';
import { Notice } from '../../ui/Notice.tsx';
import { Panel } from '../../ui/Panel.tsx';
import { ReasonList } from '../../ui/ReasonList.tsx';
import { StateLabel } from '../../ui/StateLabel.tsx';
import { Status } from '../../ui/Status.tsx';
import { useFailures, useMigrationVerb, useMigrations, usePlanVersions } from './api.ts';
import { MigrateDialog } from './MigrateDialog.tsx';
import classes from './migrations.module.css';
import { settled } from './words.ts';

const columns: Column<PlanVersion>[] = [
  { head: 'Version', cell: (one) => one.version },
  {
    head: 'State',
    cell: (one) => (one.on_sale ? <Status tone="good">On sale</Status> : <Status tone="neutral">Closed</Status>),
  },
  {
    head: 'Price',
    align: 'right',
    cell: ({ prices: [price] }) =>
      price === undefined
        ? '–'
        : `${formatMoney(price.amount_minor, price.currency, { trim: true })} / ${price.interval}`,
  },
  { head: 'Customers', align: 'right', cell: (one) => one.customers },
  { head: 'Published', wideOnly: true, align: 'right', cell: (one) => formatDay(one.published_at) },
];

/** A plan's versions with who is on them, and how its customers are moved between them. */
export function PlanVersionsPanel({ plan }: { plan: { id: string; name: string } }) {
  const [opened, setOpened] = useState(false);
  const versions = usePlanVersions(plan.id);
  const migrations = useMigrations(plan.id);
  const older = versions.data?.some((one) => !one.on_sale && one.customers > 0) ?? false;
  return (
    <Panel
      title={plan.name}
      flush
      actions={
        older ? (
          <Button size="xs" variant="default" onClick={() => setOpened(true)}>
            Move customers
          </Button>
        ) : null
      }
    >
      {versions.isError ? (
        <Fault what="The versions" error={versions.error} retry={versions.refetch} />
      ) : (
        <DataTable
          label={`Versions of ${plan.name}`}
          columns={columns}
          rows={versions.data}
          keyOf={(one) => String(one.version)}
          empty={<Empty title="No versions">The plan was not published yet.</Empty>}
        />
      )}
      {migrations.isError ? (
        <Fault what="The migrations" error={migrations.error} retry={migrations.refetch} />
      ) : (
        migrations.data?.map((one) => <Migration key={one.id} migration={one} />)
      )}
      <MigrateDialog plan={plan} opened={opened} onClose={() => setOpened(false)} />
    </Panel>
  );
}

function Migration({ migration }: { migration: PlanMigration }) {
  const verb = useMigrationVerb(migration.plan_id);
  const failures = useFailures(migration);
  const { counts, state } = migration;
  const canRetry = state !== 'running' && counts.failed + counts.remaining > 0;
  return (
    <section className={classes.migration} aria-label={`Migration to version ${migration.to_version}`}>
      <div className={classes.head}>
        <strong>
          Version {migration.from_versions.join(', ')} → {migration.to_version}
        </strong>
        <StateLabel state={state} />
        <span>{formatDay(migration.created_at)}</span>
        {state === 'running' ? (
          <Button size="xs" variant="default" loading={verb.isPending} onClick={() => act('cancel')}>
            Stop
          </Button>
        ) : null}
        {canRetry ? (
          <Button size="xs" variant="default" loading={verb.isPending} onClick={() => act('retry')}>
            {counts.failed > 0 ? 'Try again' : 'Go on'}
          </Button>
        ) : null}
      </div>
      <Gauge
        label={`Progress of the migration to version ${migration.to_version}`}
        used={settled(migration)}
        total={counts.total}
        valueText={migrationProgressText(counts)}
      />
      <p className={classes.text}>{migrationProgressText(counts)}</p>
      {verb.isError ? <Notice tone="bad">{faultText(verb.error)}</Notice> : null}
      {failures.data === undefined || failures.data.data.length === 0 ? null : (
        <ReasonList
          label="Who could not be moved"
          rows={failures.data.data.map(({ customer_id, reason }) => ({ id: customer_id, reason }))}
        />
      )}
    </section>
  );

  function act(name: 'cancel' | 'retry'): void {
    verb.mutate({ id: migration.id, verb: name });
  }
}
