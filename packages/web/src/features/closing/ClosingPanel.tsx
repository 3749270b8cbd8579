import { formatMoney } from '@farebox/core';
import { Skeleton, TextInput } from '@mantine/core';
import { IconScale } from '@tabler/icons-react';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import { formatCount, formatDay } from '../../lib/format.ts';
import { useNow } from '../../lib/session.ts';
import type { ClosingReport } from '../../lib/wire-usage.ts';
import { type Column, DataTable } from '../../ui/DataTable.tsx';
import { Empty } from '../../ui/Empty.tsx';
import { Fault } from '../../ui/Fault.tsx';
import { Notice } from '../../ui/Notice.tsx';
import { Panel } from '../../ui/Panel.tsx';
import { TwoLines } from '../../ui/TwoLines.tsx';
import { useClosingReport } from './api.ts';
import classes from './closing.module.css';
import { monthBefore } from './months.ts';

type Period = ClosingReport['periods'][number];

/** Of a month of usage whether counters, events, hours, bills and Stripe's lines agree, or where not. */
export function ClosingPanel() {
  const before = monthBefore(useNow());
  const [chosen, setChosen] = useState<string | null>(null);
  const month = chosen ?? before;
  const report = useClosingReport(month);
  return (
    <Panel
      title="Closing report"
      flush
      actions={
        <TextInput
          type="month"
          size="xs"
          aria-label="Month"
          value={month}
          onChange={(event) => setChosen(event.currentTarget.value)}
        />
      }
    >
      {report.isError && report.data === undefined ? (
        <Fault what="The report" error={report.error} retry={report.refetch} />
      ) : null}
      {report.isPending ? <Skeleton height={120} m={20} /> : null}
      {report.data === undefined ? null : <Report report={report.data} />}
    </Panel>
  );
}

function Report({ report }: { report: ClosingReport }) {
  const open = report.checked - report.balanced;
  if (report.checked === 0)
    return (
      <Empty title="Nothing to close" icon={<IconScale size={20} />}>
        No period of usage ended in this month.
      </Empty>
    );
  return (
    <>
      <div className={classes.head}>
        <Notice
          tone={open === 0 ? 'good' : 'bad'}
          title={open === 0 ? 'It balances.' : `${periods(open)} ${open === 1 ? 'does' : 'do'} not balance.`}
        >
          {periods(report.checked)} of usage ended in this month.{' '}
          {report.totals.map(({ currency, billed_minor, invoiced_minor }) => (
            <span key={currency}>
              {formatMoney(billed_minor, currency)} belongs on invoices, {formatMoney(invoiced_minor, currency)} is
              there.{' '}
            </span>
          ))}
        </Notice>
      </div>
      <DataTable
        label="Periods that do not balance"
        columns={columns}
        rows={report.periods}
        keyOf={(period) => period.usage_report_id}
        detail={(period) => (
          <ul className={classes.faults}>
            {period.faults.map(({ code, detail }) => (
              <li key={`${code} ${detail}`}>{detail}</li>
            ))}
          </ul>
        )}
        empty={
          <Empty title="Nothing differs" icon={<IconScale size={20} />}>
            Counters, events, hours, bills and the lines at Stripe agree.
          </Empty>
        }
      />
      {report.more === 0 ? null : (
        <p className={classes.more}>{formatCount(report.more)} more: `farebox close` lists all of them.</p>
      )}
    </>
  );
}

function periods(count: number): string {
  return `${formatCount(count)} ${count === 1 ? 'period' : 'periods'}`;
}

const columns: Column<Period>[] = [
  {
    head: 'Customer',
    cell: ({ customer_id, meter_id, period_end_at }) => (
      <TwoLines
        first={
          <Link to="/admin/customers/$id" params={{ id: customer_id }}>
            {customer_id}
          </Link>
        }
        second={`${meter_id}, to ${formatDay(period_end_at)}`}
      />
    ),
  },
  {
    head: 'Counter',
    wideOnly: true,
    align: 'right',
    cell: ({ counter }) => (counter === null ? '–' : formatCount(counter)),
  },
  {
    head: 'Events',
    wideOnly: true,
    align: 'right',
    cell: ({ events }) => (events === null ? '–' : formatCount(events)),
  },
  { head: 'Hours', wideOnly: true, align: 'right', cell: ({ rolled_up }) => formatCount(rolled_up) },
  { head: 'Billed', align: 'right', cell: (period) => money(period, period.amount_minor) },
  { head: 'At Stripe', align: 'right', cell: (period) => money(period, period.invoiced_minor) },
];

function money({ currency }: Period, amount: number): string {
  return formatMoney(amount, currency);
}
