import { formatMoney } from '@farebox/core';
import type { InvoicePreview } from '../../lib/wire.ts';
import dialog from '../../ui/Dialog.module.css';
import classes from './subscription.module.css';

/** What a change does, and what is billed for it at once. */
export function PreviewEffect({ sentence, invoice }: { sentence: string; invoice: InvoicePreview | null }) {
  return (
    <>
      <p className={dialog.text}>{sentence}</p>
      {invoice === null ? null : <PreviewLines invoice={invoice} />}
    </>
  );
}

/** The invoice that the change makes, line by line. */
function PreviewLines({ invoice }: { invoice: InvoicePreview }) {
  const sums = [
    { label: 'Discount', amount: -invoice.discount_minor },
    { label: 'Tax', amount: invoice.tax_minor },
    { label: 'From your balance', amount: -invoice.balance_used_minor },
  ].filter((sum) => sum.amount !== 0);
  return (
    <dl className={classes.lines}>
      {invoice.lines.map((line, index) => (
        // Two lines may say the same; their order is the invoice's.
        // oxlint-disable-next-line react/no-array-index-key
        <div key={index}>
          <dt>{line.description}</dt>
          <dd>{formatMoney(line.amount_minor, invoice.currency)}</dd>
        </div>
      ))}
      {sums.map((sum) => (
        <div key={sum.label}>
          <dt>{sum.label}</dt>
          <dd>{formatMoney(sum.amount, invoice.currency)}</dd>
        </div>
      ))}
      <div className={classes.total}>
        <dt>Due now</dt>
        <dd>{formatMoney(invoice.amount_due_minor, invoice.currency)}</dd>
      </div>
    </dl>
  );
}
