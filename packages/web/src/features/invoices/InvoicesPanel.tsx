import { formatMoney } from '@farebox/core';
import { ActionIcon, Button } from '@mantine/core';
import { IconChevronRight, IconFileInvoice } from '@tabler/icons-react';
import { useState } from 'react';
import { formatDay } from '../../lib/format.ts';
import { faultText } from '../../lib/http.ts';
import type { Invoice } from '../../lib/wire-invoices.ts';
import { type Column, DataTable } from '../../ui/DataTable.tsx';
import { Empty } from '../../ui/Empty.tsx';
import { Fault } from '../../ui/Fault.tsx';
import { LoadMore } from '../../ui/LoadMore.tsx';
import { Notice } from '../../ui/Notice.tsx';
import { Panel } from '../../ui/Panel.tsx';
import { Status } from '../../ui/Status.tsx';
import { pdfHref, useInvoices, useRetry } from './api.ts';
import { leftOf } from './give-back.ts';
import { GiveBackDialog } from './GiveBackDialog.tsx';
import { invoiceStatus } from './invoice-words.ts';
import { InvoiceLines } from './InvoiceLines.tsx';
import { PayButton, isOwed } from './PayButton.tsx';
import classes from './InvoicesPanel.module.css';

/** The invoices of the customer who is signed in; for an operator those of `customerId`, with what can be given back. */
export function InvoicesPanel({ customerId }: { customerId?: string }) {
  const invoices = useInvoices(customerId);
  const retry = useRetry();
  const [open, setOpen] = useState<string | null>(null);
  const [giving, setGiving] = useState<Invoice | null>(null);
  const giveBack = customerId === undefined ? null : setGiving;
  return (
    <Panel title="Invoices" id="invoices" flush>
      {retry.isError ? (
        <div className={classes.notice}>
          <Notice tone="bad" title="The payment did not go through.">
            {faultText(retry.error)}
          </Notice>
        </div>
      ) : null}
      {retry.isSuccess ? (
        <div className={classes.notice}>
          {retry.data.payment === null ? (
            <Notice tone="good">Paid. Everything works again.</Notice>
          ) : (
            <Notice tone="info" title="Your bank wants to ask you.">
              {retry.data.payment.url === null ? (
                'Confirm the payment with your bank.'
              ) : (
                <a href={retry.data.payment.url}>Confirm the payment at your bank</a>
              )}
            </Notice>
          )}
        </div>
      ) : null}
      {invoices.isError && !invoices.rows ? (
        <Fault what="Invoices" error={invoices.error} retry={invoices.refetch} />
      ) : (
        <DataTable
          label="Invoices"
          columns={columns(open, (id) => setOpen(id === open ? null : id), retry)}
          rows={invoices.rows}
          keyOf={(invoice) => invoice.id}
          detail={(invoice) =>
            invoice.id === open ? (
              <InvoiceLines invoice={invoice} actions={<Actions invoice={invoice} giveBack={giveBack} />} />
            ) : null
          }
          empty={
            <Empty title="No invoices yet" icon={<IconFileInvoice size={20} />}>
              {customerId === undefined ? 'The first one comes with your first payment.' : 'None was billed so far.'}
            </Empty>
          }
        />
      )}
      <LoadMore pages={invoices} />
      {giving === null ? null : <GiveBackDialog invoice={giving} opened onClose={() => setGiving(null)} />}
    </Panel>
  );
}

function columns(
  open: string | null,
  toggle: (id: string) => void,
  retry: ReturnType<typeof useRetry>,
): Column<Invoice>[] {
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
    {
      head: 'Document',
      hideHead: true,
      align: 'right',
      cell: (invoice) => <Next invoice={invoice} retry={retry} />,
    },
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

/** The one thing that is next: to pay it, or to keep it. */
function Next({ invoice, retry }: { invoice: Invoice; retry: ReturnType<typeof useRetry> }) {
  if (isOwed(invoice)) return <PayButton invoice={invoice} retry={retry} />;
  return invoice.has_pdf ? <Pdf invoice={invoice} /> : null;
}

interface ActionsProps {
  invoice: Invoice;
  /** Null for the customer: what is given back is the seller's to say. */
  giveBack: ((invoice: Invoice) => void) | null;
}

/** What can be done with an invoice, under its lines. */
function Actions({ invoice, giveBack }: ActionsProps) {
  const canGive = giveBack !== null && (invoice.status === 'paid' || invoice.status === 'open') && leftOf(invoice) > 0;
  return (
    <div className={classes.documents}>
      {isOwed(invoice) && invoice.hosted_url !== null ? (
        <Button
          component="a"
          href={invoice.hosted_url}
          target="_blank"
          rel="noreferrer"
          variant="default"
          size="compact-xs"
        >
          Pay with another card
        </Button>
      ) : null}
      {canGive ? (
        <Button variant="default" size="compact-xs" onClick={() => giveBack(invoice)}>
          {invoice.status === 'paid' ? 'Refund' : 'Credit'}
        </Button>
      ) : null}
      {isOwed(invoice) && invoice.has_pdf ? <Pdf invoice={invoice} /> : null}
    </div>
  );
}

function Pdf({ invoice }: { invoice: Invoice }) {
  return (
    <Button component="a" href={pdfHref(invoice)} target="_blank" rel="noreferrer" variant="default" size="compact-xs">
      PDF
    </Button>
  );
}
