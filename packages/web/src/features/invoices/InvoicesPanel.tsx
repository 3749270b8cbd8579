import { formatMoney } from '@farebox/core';
import { ActionIcon, Button } from '@mantine/core';
import { IconChevronRight, IconFileInvoice } from '@tabler/icons-react';
import { useState } from 'react';
import { formatCount, formatDay, formatPeriod } from '../../lib/format.ts';
import type { Invoice, InvoiceLine } from '../../lib/wire.ts';
import { type Column, DataTable } from '../../ui/DataTable.tsx';
import { Empty } from '../../ui/Empty.tsx';
import { Fault } from '../../ui/Fault.tsx';
import { LoadMore } from '../../ui/LoadMore.tsx';
import { Panel } from '../../ui/Panel.tsx';
import { Status } from '../../ui/Status.tsx';
import { pdfHref, useInvoices } from './api.ts';
import { invoiceStatus } from './invoice-words.ts';
import classes from './InvoicesPanel.module.css';

export function InvoicesPanel() {
  const invoices = useInvoices();
  const [open, setOpen] = useState<string | null>(null);
  return (
    <Panel title="Invoices" id="invoices" flush>
      {invoices.isError && !invoices.rows ? (
        <Fault what="Invoices" error={invoices.error} retry={invoices.refetch} />
      ) : (
        <DataTable
          label="Invoices"
          columns={columns(open, (id) => setOpen(id === open ? null : id))}
          rows={invoices.rows}
          keyOf={(invoice) => invoice.id}
          detail={(invoice) => (invoice.id === open ? <Lines invoice={invoice} /> : null)}
          empty={
            <Empty title="No invoices yet" icon={<IconFileInvoice size={20} />}>
              The first one comes with your first payment.
            </Empty>
          }
        />
      )}
      <LoadMore pages={invoices} />
    </Panel>
  );
}

function columns(open: string | null, toggle: (id: string) => void): Column<Invoice>[] {
  return [
    {
      head: 'Number',
      cell: (invoice) => <NumberCell invoice={invoice} open={invoice.id === open} toggle={() => toggle(invoice.id)} />,
    },
    { head: 'Date', wideOnly: true, cell: (invoice) => formatDay(invoice.created_at) },
    {
      head: 'Status',
      cell: (invoice) => {
        const { tone, label } = invoiceStatus(invoice.status);
        return <Status tone={tone}>{label}</Status>;
      },
    },
    { head: 'Amount', align: 'right', cell: (invoice) => formatMoney(invoice.total_minor, invoice.currency) },
    { head: 'Document', hideHead: true, align: 'right', cell: (invoice) => <Documents invoice={invoice} /> },
  ];
}

function NumberCell({ invoice, open, toggle }: { invoice: Invoice; open: boolean; toggle: () => void }) {
  const number = invoice.number ?? 'Draft';
  return (
    <div className={classes.number}>
      <ActionIcon
        variant="transparent"
        color="gray"
        size="sm"
        aria-expanded={open}
        aria-label={`Lines of ${number}`}
        onClick={toggle}
      >
        <IconChevronRight size={16} className={classes.chevron} data-open={open} />
      </ActionIcon>
      <div>
        <strong>{number}</strong>
        <span className={classes.narrowDate}>{formatDay(invoice.created_at)}</span>
      </div>
    </div>
  );
}

function Documents({ invoice }: { invoice: Invoice }) {
  return (
    <div className={classes.documents}>
      {invoice.status === 'open' && invoice.hosted_url ? (
        <Button component="a" href={invoice.hosted_url} target="_blank" rel="noreferrer" size="compact-xs">
          Pay
        </Button>
      ) : null}
      {invoice.has_pdf ? (
        <Button
          component="a"
          href={pdfHref(invoice)}
          target="_blank"
          rel="noreferrer"
          variant="default"
          size="compact-xs"
        >
          PDF
        </Button>
      ) : null}
    </div>
  );
}

function Lines({ invoice }: { invoice: Invoice }) {
  return (
    <ul className={classes.lines} aria-label={`Lines of ${invoice.number ?? 'the draft'}`}>
      {invoice.lines.map((line, index) => (
        <li key={`${line.kind}-${index}`}>
          <span>
            {line.description}
            <small>{lineWords(line)}</small>
          </span>
          <span>{formatMoney(line.amount_minor, invoice.currency)}</span>
        </li>
      ))}
      <li className={classes.total}>
        <span>Total</span>
        <span>{formatMoney(invoice.total_minor, invoice.currency)}</span>
      </li>
    </ul>
  );
}

function lineWords(line: InvoiceLine): string {
  const quantity = line.quantity !== null && line.quantity > 1 ? `${formatCount(line.quantity)} units` : null;
  const period =
    line.period_start_at && line.period_end_at ? formatPeriod(line.period_start_at, line.period_end_at) : null;
  return [quantity, period].filter((part) => part !== null).join(' · ');
}
