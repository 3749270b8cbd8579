import { SegmentedControl } from '@mantine/core';
import { IconActivity } from '@tabler/icons-react';
import { useState } from 'react';
import { formatCount } from '../../lib/format.ts';
import type { Answers } from '../../lib/wire-usage.ts';
import { type Column, DataTable } from '../../ui/DataTable.tsx';
import { Empty } from '../../ui/Empty.tsx';
import { Fault } from '../../ui/Fault.tsx';
import { Panel } from '../../ui/Panel.tsx';
import { Status } from '../../ui/Status.tsx';
import { type Span, durationText, latencyText, statusTone, sumText } from './answer-words.ts';
import classes from './answers.module.css';
import { useAnswers } from './api.ts';

type Answer = Answers['data'][number];

const spans: { value: Span; label: string }[] = [
  { value: 'day', label: 'Day' },
  { value: 'week', label: 'Week' },
  { value: 'month', label: '30 days' },
];

/** What the API answered to requests that the gate let through, by endpoint and status, and how long that took. */
export function AnswersPanel() {
  const [span, setSpan] = useState<Span>('day');
  const answers = useAnswers(span);
  const rows = answers.data?.data;
  return (
    <Panel
      title="Answers of your API"
      flush
      actions={<SegmentedControl size="xs" data={spans} value={span} onChange={setSpan} aria-label="Time shown" />}
    >
      {rows === undefined || rows.length === 0 ? null : <p className={classes.sum}>{sumText(rows)}</p>}
      {answers.isError && rows === undefined ? (
        <Fault what="The answers" error={answers.error} retry={answers.refetch} />
      ) : (
        <DataTable
          label="Answers"
          columns={columns}
          rows={rows}
          keyOf={({ endpoint, status }) => `${status} ${endpoint}`}
          empty={
            <Empty title="No answers" icon={<IconActivity size={20} />}>
              They are counted where requests come through the reverse proxy: <code>farebox proxy --upstream</code> and
              the address of your API.
            </Empty>
          }
        />
      )}
    </Panel>
  );
}

const columns: Column<Answer>[] = [
  {
    head: 'Endpoint',
    cell: ({ endpoint }) =>
      endpoint === '' ? 'Not in your document' : <code className={classes.endpoint}>{endpoint}</code>,
  },
  {
    head: 'Status',
    cell: ({ status }) => <Status tone={statusTone(status)}>{status === 499 ? '499 left' : status}</Status>,
  },
  { head: 'Answers', align: 'right', cell: ({ answers }) => formatCount(answers) },
  { head: 'Average', wideOnly: true, align: 'right', cell: ({ latency_ms }) => durationText(latency_ms.average) },
  { head: 'Half', wideOnly: true, align: 'right', cell: ({ latency_ms }) => latencyText(latency_ms.p50) },
  { head: '95 %', align: 'right', cell: ({ latency_ms }) => latencyText(latency_ms.p95) },
  { head: '99 %', wideOnly: true, align: 'right', cell: ({ latency_ms }) => latencyText(latency_ms.p99) },
];
