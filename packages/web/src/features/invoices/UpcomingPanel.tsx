import { formatMoney } from '@farebox/core';
import { Skeleton } from '@mantine/core';
import { formatDay } from '../../lib/format.ts';
import { isFault } from '../../lib/http.ts';
import type { UpcomingInvoice } from '../../lib/wire-invoices.ts';
import { Empty } from '../../ui/Empty.tsx';
import { Fault } from '../../ui/Fault.tsx';
import { Panel } from '../../ui/Panel.tsx';
import { useUpcoming } from './api.ts';
import { Extra } from './Extra.tsx';
import classes from './invoice-lines.module.css';

/** The next invoice as it stands: what Stripe will bill, and the usage of this period as it grows. */
export function UpcomingPanel({ group }: { group: string }) {
  const upcoming = useUpcoming(group);
  const isOver = isFault(upcoming.error, 'no_upcoming_invoice');
  return (
    <Panel title="Next invoice" id={`next-invoice-${group}`}>
      {upcoming.isError && !isOver && upcoming.data === undefined ? (
        <Fault what="The next invoice" error={upcoming.error} retry={upcoming.refetch} />
      ) : null}
      {upcoming.isPending ? <Skeleton height={92} /> : null}
      {isOver ? <Empty title="No next invoice">Nothing will be billed any more.</Empty> : null}
      {upcoming.data && !isOver ? <Upcoming upcoming={upcoming.data} /> : null}
    </Panel>
  );
}

function Upcoming({ upcoming }: { upcoming: UpcomingInvoice }) {
  const { invoice, usage, minimum, usage_minor, estimated_total_minor } = upcoming;
  const { currency } = invoice;
  const due =
    invoice.due_at === null ? 'Collected at the end of this period' : `Collected on ${formatDay(invoice.due_at)}`;
  return (
    <>
      <ul className={classes.lines} aria-label="Lines of the next invoice">
        {invoice.lines.map((line, index) => (
          <li key={`${line.description}-${index}`}>
            <span>{line.description}</span>
            <span>{formatMoney(line.amount_minor, currency)}</span>
          </li>
        ))}
        {usage.flatMap((meter) =>
          meter.lines.map((line) => (
            <li key={`${meter.meter_id}-${line.formula}`}>
              <span>
                {meter.name} beyond the included amount
                <small>{line.formula}</small>
              </span>
              <span>{formatMoney(line.amount_minor, currency)}</span>
            </li>
          )),
        )}
        {usage.map(({ meter_id, name, minimum_minor, shortfall_minor }) => (
          <Extra
            key={`${meter_id}-minimum`}
            label={`${name}, to the minimum of ${formatMoney(minimum_minor, currency)}`}
            amount={shortfall_minor}
            currency={currency}
          />
        ))}
        {minimum === null ? null : (
          <Extra
            label={`All usage, to the minimum of ${formatMoney(minimum.amount_minor, currency)}`}
            amount={minimum.shortfall_minor}
            currency={currency}
          />
        )}
        <Extra
          label="Not billed, the spend cap is reached"
          amount={-usage.reduce((sum, { capped_minor }) => sum + capped_minor, 0)}
          currency={currency}
        />
        <Extra label="Discount" amount={-invoice.discount_minor} currency={currency} />
        <Extra label="Tax" amount={invoice.tax_minor} currency={currency} />
        <Extra label="From your balance" amount={-invoice.balance_used_minor} currency={currency} />
        <li className={classes.total}>
          <span>{usage_minor === 0 ? 'So far' : 'So far, with usage'}</span>
          <span>{formatMoney(estimated_total_minor - invoice.balance_used_minor, currency)}</span>
        </li>
      </ul>
      <p className={classes.note}>{due}. Usage counts until then.</p>
    </>
  );
}
