import { Button } from '@mantine/core';
import { IconArrowsLeftRight } from '@tabler/icons-react';
import { Link } from '@tanstack/react-router';
import { formatMoment } from '../../lib/format.ts';
import { faultText } from '../../lib/http.ts';
import type { Divergence, ReconciliationRun } from '../../lib/wire-state.ts';
import { type Column, DataTable } from '../../ui/DataTable.tsx';
import { Empty } from '../../ui/Empty.tsx';
import { Fault } from '../../ui/Fault.tsx';
import { LoadMore } from '../../ui/LoadMore.tsx';
import { Notice } from '../../ui/Notice.tsx';
import { Panel } from '../../ui/Panel.tsx';
import { Status } from '../../ui/Status.tsx';
import { useRun, useRuns } from './api.ts';
import classes from './reconciliation.module.css';
import { kindWords, runWords } from './run-words.ts';

const columns: Column<ReconciliationRun>[] = [
  { head: 'When', cell: (run) => formatMoment(run.started_at) },
  { head: 'Result', cell: (run) => <Status tone={runWords(run).tone}>{runWords(run).label}</Status> },
  { head: 'In words', wideOnly: true, cell: (run) => runWords(run).sentence },
];

/** The last comparisons with Stripe, each with what it found; and one now. */
export function ReconciliationPanel() {
  const runs = useRuns();
  const run = useRun();
  return (
    <Panel
      title="Runs"
      flush
      actions={
        <Button size="xs" loading={run.isPending} onClick={() => run.mutate()}>
          Run now
        </Button>
      }
    >
      <div className={classes.notice}>
        {run.isError ? (
          <Notice tone="bad" title="The comparison did not finish.">
            {faultText(run.error)}
          </Notice>
        ) : null}
        {run.isPending ? <Notice tone="info">Reading everything at Stripe. This can take some minutes.</Notice> : null}
        {run.isSuccess ? (
          <Notice tone={run.data.found.every(({ repaired }) => repaired) ? 'good' : 'warn'}>
            {runWords(run.data).sentence}
          </Notice>
        ) : null}
      </div>
      {runs.isError && !runs.rows ? (
        <Fault what="The runs" error={runs.error} retry={runs.refetch} />
      ) : (
        <DataTable
          label="Runs"
          columns={columns}
          rows={runs.rows}
          keyOf={(one) => one.id}
          detail={(one) => (one.found.length === 0 ? null : <Found found={one.found} />)}
          empty={
            <Empty title="No run yet" icon={<IconArrowsLeftRight size={20} />}>
              One happens every night; the first can be now.
            </Empty>
          }
        />
      )}
      <LoadMore pages={runs} />
    </Panel>
  );
}

function Found({ found }: { found: readonly Divergence[] }) {
  return (
    <ul className={classes.found} aria-label="What differed">
      {found.map((each) => (
        <li key={`${each.kind}-${each.object_id}`}>
          <div>
            <strong>{kindWords(each)}</strong>
            <span>{each.detail}</span>
            {each.customer_id === null ? null : (
              <Link to="/admin/customers/$id" params={{ id: each.customer_id }}>
                To the customer
              </Link>
            )}
          </div>
          <Status tone={each.repaired ? 'good' : 'warn'}>{each.repaired ? 'Put right' : 'To decide'}</Status>
        </li>
      ))}
    </ul>
  );
}
