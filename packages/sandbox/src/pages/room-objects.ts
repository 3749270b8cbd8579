import { renderInvoice } from '../resources/invoices/invoice-render.ts';
import { formatAmount } from '../billing/money.ts';
import type { JobRecord, TestClockRecord } from '../store/machinery.ts';
import type { Tx } from '../store/store.ts';
import { html, type Html } from './html.ts';
import { instant, jsonLink, newest, SHOWN, table } from './room-parts.ts';

/** Customers, subscriptions and invoices, each with its JSON. */
export function objectSections(tx: Tx, account_name: string): Html[] {
  const customers = newest(tx.all('customer')).map(
    (each) =>
      html`<tr>
        <td>${jsonLink(`/v1/customers/${each.id}`, each.id)}</td>
        <td>${each.name}</td>
        <td>${each.email}</td>
        <td>${each.deleted ? 'deleted' : each.delinquent ? 'delinquent' : 'good'}</td>
      </tr>`,
  );
  const subscriptions = newest(tx.all('subscription')).map((each) => {
    const [item] = each.items;
    const ends = each.cancel_at === null ? '' : `, ends ${instant(each.cancel_at * 1000)}`;
    return html`<tr>
      <td>${jsonLink(`/v1/subscriptions/${each.id}`, each.id)}</td>
      <td>${each.customer}</td>
      <td>${each.status}${ends}</td>
      <td>
        ${
          item === undefined
            ? ''
            : `${instant(item.current_period_start * 1000)} to ${instant(item.current_period_end * 1000)}`
        }
      </td>
    </tr>`;
  });
  const invoices = newest(tx.all('invoice')).map(
    (each) =>
      html`<tr>
        <td>
          <a href="/_sandbox/invoices/${each.id}">${each.number ?? each.id}</a><br /><span class="small"
            >${each.page_token === null ? null : html`<a href="/i/${each.page_token}">Page</a> · `}${jsonLink(
              `/v1/invoices/${each.id}`,
              'JSON',
            )}</span
          >
        </td>
        <td>${each.subscription}</td>
        <td>${each.status}</td>
        <td>${each.billing_reason}</td>
        <td class="num">${formatAmount(renderInvoice(tx, each, account_name).total, each.currency)}</td>
      </tr>`,
  );
  return [
    table('Customers', ['Id', 'Name', 'Email', 'Standing'], customers),
    table('Subscriptions', ['Id', 'Customer', 'Status', 'Period (UTC)'], subscriptions),
    table(
      'Invoices',
      ['Invoice', 'Subscription', 'Status', 'Reason', 'Total'],
      invoices,
      html`<p class="soft small">The number leads to the explanation of the invoice.</p>`,
    ),
  ];
}

function dueTable(caption: string, jobs: JobRecord[], above: Html | null): Html {
  return table(
    caption,
    ['At (UTC)', 'What', 'Object'],
    jobs.slice(0, SHOWN).map(
      (job) =>
        html`<tr>
          <td>${instant(job.at_ms)}</td>
          <td>${job.kind.replaceAll('_', ' ')}</td>
          <td>${job.object_id}</td>
        </tr>`,
    ),
    above,
  );
}

/** The work that waits, for each clock of its own. */
export function dueSections(tx: Tx, queue: (clock: string | null) => JobRecord[]): Html[] {
  const clocks = tx
    .all('test_clock')
    .map((clock: TestClockRecord) =>
      dueTable(
        `Due work of ${clock.name ?? clock.id}`,
        queue(clock.id),
        html`<p class="soft small">
          Test clock ${jsonLink(`/v1/test_helpers/test_clocks/${clock.id}`, clock.id)}: ${clock.status} at
          ${instant(clock.frozen_ms)}
          UTC${clock.target_ms === null ? '' : `, on its way to ${instant(clock.target_ms)}`}.
        </p>`,
      ),
    );
  return [dueTable('Due work', queue(null), null), ...clocks];
}
