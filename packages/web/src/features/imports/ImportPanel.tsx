import { Button } from '@mantine/core';
import { IconDatabaseImport } from '@tabler/icons-react';
import { useState } from 'react';
import { formatMoment } from '../../lib/format.ts';
import { faultText } from '../../lib/http.ts';
import type { StripeImport } from '../../lib/wire-imports.ts';
import { type Column, DataTable } from '../../ui/DataTable.tsx';
import { Empty } from '../../ui/Empty.tsx';
import { Fault } from '../../ui/Fault.tsx';
import { LoadMore } from '../../ui/LoadMore.tsx';
import { Notice } from '../../ui/Notice.tsx';
import { Panel } from '../../ui/Panel.tsx';
import { ReasonList } from '../../ui/ReasonList.tsx';
import { StateLabel } from '../../ui/StateLabel.tsx';
import { Choices } from './Choices.tsx';
import { ImportDialog } from './ImportDialog.tsx';
import { useImports, useSkipped, useStartImport } from './api.ts';
import { countWords, skippedOf } from './import-words.ts';
import classes from './imports.module.css';

const columns: Column<StripeImport>[] = [
  { head: 'When', cell: (one) => formatMoment(one.created_at) },
  { head: 'What', cell: (one) => (one.dry_run ? 'Dry run' : 'Taken over') },
  { head: 'State', cell: (one) => <StateLabel state={one.state} /> },
];

/** The customers and subscriptions that this Stripe account has already: looked at first, then taken over. */
export function ImportPanel() {
  const [choices, setChoices] = useState<Record<string, string>>({});
  const [opened, setOpened] = useState(false);
  const imports = useImports();
  const start = useStartImport();
  const isRunning = imports.data?.some((one) => one.state === 'running') ?? false;
  return (
    <Panel
      title="Take over from Stripe"
      flush
      actions={
        <>
          <Button
            size="xs"
            variant="default"
            loading={start.isPending}
            disabled={isRunning}
            onClick={() => start.mutate({ dry_run: true, choices })}
          >
            Dry run
          </Button>
          <Button size="xs" disabled={isRunning} onClick={() => setOpened(true)}>
            Take over
          </Button>
        </>
      }
    >
      <div className={classes.intro}>
        <p>
          Customers and subscriptions that were at Stripe before Farebox. A dry run says what would be made, and why
          what would not.
        </p>
        <Choices choices={choices} onChange={setChoices} />
        {start.isError ? <Notice tone="bad">{faultText(start.error)}</Notice> : null}
      </div>
      {imports.isError && !imports.data ? (
        <Fault what="The imports" error={imports.error} retry={imports.refetch} />
      ) : (
        <DataTable
          label="Imports"
          columns={columns}
          rows={imports.data}
          keyOf={(one) => one.id}
          detail={(one) => <Outcome of={one} />}
          empty={
            <Empty title="Nothing was taken over yet" icon={<IconDatabaseImport size={20} />}>
              Begin with a dry run: it changes nothing.
            </Empty>
          }
        />
      )}
      <ImportDialog choices={choices} opened={opened} onClose={() => setOpened(false)} />
    </Panel>
  );
}

function Outcome({ of }: { of: StripeImport }) {
  const skipped = skippedOf(of);
  return (
    <div className={classes.outcome}>
      <p className={classes.text}>
        Customers: {countWords(of.customers, of.dry_run)}. Subscriptions: {countWords(of.subscriptions, of.dry_run)}.
      </p>
      {of.failure === null ? null : <Notice tone="bad">{of.failure}</Notice>}
      {skipped === 0 ? null : (
        <details>
          <summary>Why {skipped === 1 ? 'one was' : `${skipped} were`} skipped</summary>
          <Skipped id={of.id} />
        </details>
      )}
    </div>
  );
}

function Skipped({ id }: { id: string }) {
  const items = useSkipped(id);
  if (items.isError && !items.rows) return <Fault what="What was skipped" error={items.error} retry={items.refetch} />;
  return (
    <>
      <ReasonList
        label="What was skipped"
        rows={items.rows?.map(({ object_id, reason }) => ({ id: object_id, reason }))}
      />
      <LoadMore pages={items} />
    </>
  );
}
