import { formatMoney } from '@farebox/core';
import { Button, Skeleton } from '@mantine/core';
import { type ReactNode, useState } from 'react';
import { formatCount, formatPeriod } from '../../lib/format.ts';
import type { Invoice, InvoiceLine, LineExplanation, Shares } from '../../lib/wire-invoices.ts';
import { Fault } from '../../ui/Fault.tsx';
import { useExplanation } from './api.ts';
import { Extra } from './Extra.tsx';
import classes from './invoice-lines.module.css';

/** The lines of an invoice; each can be opened and then says how it comes about. */
export function InvoiceLines({ invoice, actions }: { invoice: Invoice; actions: ReactNode }) {
  const [open, setOpen] = useState<string | null>(null);
  return (
    <div className={classes.sunken}>
      <ul className={classes.lines} aria-label={`Lines of ${invoice.number ?? 'the draft'}`}>
        {invoice.lines.map((line) => (
          <Line
            key={line.id}
            invoice={invoice}
            line={line}
            open={open === line.id}
            toggle={() => setOpen(open === line.id ? null : line.id)}
          />
        ))}
        <Extra label="Discount" amount={-invoice.discount_minor} currency={invoice.currency} />
        <Extra label="Tax" amount={invoice.tax_minor} currency={invoice.currency} />
        <li className={classes.total}>
          <span>Total</span>
          <span>{formatMoney(invoice.total_minor, invoice.currency)}</span>
        </li>
        <Extra label="Given back" amount={-invoice.credited_minor} currency={invoice.currency} />
      </ul>
      {actions}
    </div>
  );
}

interface LineProps {
  invoice: Invoice;
  line: InvoiceLine;
  open: boolean;
  toggle: () => void;
}

function Line({ invoice, line, open, toggle }: LineProps) {
  return (
    <>
      <li>
        <span>
          {line.description}
          <small>{lineWords(line)}</small>
          <Button
            variant="transparent"
            size="compact-xs"
            px={0}
            aria-expanded={open}
            aria-label={`How it comes about: ${line.description}`}
            onClick={toggle}
          >
            {open ? 'Close' : 'How it comes about'}
          </Button>
        </span>
        <span>{formatMoney(line.amount_minor, invoice.currency)}</span>
      </li>
      {open ? (
        <li>
          <Explained invoiceId={invoice.id} lineId={line.id} />
        </li>
      ) : null}
    </>
  );
}

function Explained({ invoiceId, lineId }: { invoiceId: string; lineId: string }) {
  const read = useExplanation(invoiceId, lineId);
  if (read.isError) return <Fault what="The explanation" error={read.error} retry={read.refetch} />;
  if (read.data === undefined) return <Skeleton height={48} />;
  return <Explanation explained={read.data} />;
}

function Explanation({ explained }: { explained: LineExplanation }) {
  const { words, parts, currency, usage } = explained;
  return (
    <div className={classes.explained}>
      <p>{words}</p>
      <ul className={classes.shares} aria-label="Step by step">
        {parts.map((part) => (
          <li key={part.label}>
            <span>{part.quantity === null ? part.label : `${part.label}: ${formatCount(part.quantity)}`}</span>
            <span>{formatMoney(part.amount_minor, currency)}</span>
          </li>
        ))}
      </ul>
      {usage === null ? null : (
        <div className={classes.pair}>
          <ShareList title="By key" unknown="No key" shares={usage.by_key} />
          <ShareList title="By endpoint" unknown="Not told" shares={usage.by_endpoint} />
        </div>
      )}
    </div>
  );
}

function ShareList({ title, unknown, shares }: { title: string; unknown: string; shares: Shares }) {
  return (
    <div>
      <h4>{title}</h4>
      <ul className={classes.shares} aria-label={title}>
        {shares.shares.map(({ source, quantity }) => (
          <li key={source ?? unknown}>
            {source === null ? <span>{unknown}</span> : <code>{source}</code>}
            <span>{formatCount(quantity)}</span>
          </li>
        ))}
        {shares.others === 0 ? null : (
          <li>
            <span>All others</span>
            <span>{formatCount(shares.others)}</span>
          </li>
        )}
      </ul>
    </div>
  );
}

function lineWords(line: InvoiceLine): string {
  const quantity = line.quantity !== null && line.quantity > 1 ? `${formatCount(line.quantity)} units` : null;
  const period =
    line.period_start_at && line.period_end_at ? formatPeriod(line.period_start_at, line.period_end_at) : null;
  return [line.formula ?? quantity, period].filter((part) => part !== null).join(' · ');
}
