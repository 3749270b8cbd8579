import { formatAmount, formatUnitAmount } from '../billing/money.ts';
import type { Reason } from '../store/change-records.ts';
import type { InvoiceRecord } from '../store/records.ts';
import type { Tx } from '../store/store.ts';
import { explainInvoice, type Explanation, type LineExplanation } from './explanation.ts';
import { html, type Html } from './html.ts';
import { instant, jsonLink, roomPage, table } from './room-parts.ts';

/** What an amount rests on, step below step. */
function tree(reasons: readonly Reason[], currency: string): Html | null {
  if (reasons.length === 0) return null;
  return html`<ul class="tree">
    ${reasons.map(
      ({ amount, because, says }) =>
        html`<li>
          ${says}${amount === null ? null : html` <span class="figure">${formatAmount(amount, currency)}</span>`}
          ${tree(because, currency)}
        </li>`,
    )}
  </ul>`;
}

function tiers({ tiers: steps, tiers_mode }: LineExplanation, currency: string): Html | null {
  if (steps.length === 0) return null;
  const rows = steps.map(
    (step) =>
      html`<li>
        ${
          step.kind === 'flat'
            ? html`Tier ${step.tier}: flat fee ${formatUnitAmount(step.unit_amount_decimal, currency)}`
            : html`Tier ${step.tier}, ${step.range}: ${step.quantity} ×
              ${formatUnitAmount(step.unit_amount_decimal, currency)}`
        }
        <span class="figure">${formatAmount(step.amount, currency)}</span>
      </li>`,
  );
  const rule =
    tiers_mode === 'volume'
      ? 'Volume: the tier of the whole quantity prices all of it.'
      : 'Graduated: each tier prices its part.';
  return html`<p class="soft small">${rule}</p>
    <ul class="tree">
      ${rows}
    </ul>`;
}

/** Where the credited line is explained. */
function source({ gives_back }: LineExplanation): Html | null {
  if (gives_back === null) return null;
  const { invoice, invoice_item, line } = gives_back;
  if (invoice !== null) {
    return html`<p>gives back part of <a href="/_sandbox/invoices/${invoice}#${line ?? ''}">${line ?? invoice}</a></p>`;
  }
  return invoice_item === null
    ? null
    : html`<p>
        gives back part of ${jsonLink(`/v1/invoiceitems/${invoice_item}`, invoice_item)}, which still waits for an
        invoice
      </p>`;
}

function taken(line: LineExplanation, currency: string): Html | null {
  const rows = [
    ...line.discounts.map((each) => ({ says: `Discount ${each.coupon}: ${each.says}`, amount: -each.amount })),
    ...line.credits.map((each) => ({ says: `Billing credit ${each.transaction}`, amount: -each.amount })),
    ...(line.left === line.amount ? [] : [{ says: 'leaves', amount: line.left }]),
    ...line.taxes.map((each) => ({
      says: each.reason === 'standard_rated' ? each.says : `${each.says} (${each.reason.replaceAll('_', ' ')})`,
      amount: each.amount,
    })),
  ];
  if (rows.length === 0) return null;
  return html`<ul class="tree">
    ${rows.map(({ amount, says }) => html`<li>${says} <span class="figure">${formatAmount(amount, currency)}</span></li>`)}
  </ul>`;
}

function lineRow(line: LineExplanation, currency: string): Html {
  const { start, end, seconds } = line.period;
  return html`<li id="${line.line}">
    <h3 class="between">
      <span>${line.description ?? 'Invoice item'}</span
      ><span class="figure">${formatAmount(line.amount, currency)}</span>
    </h3>
    <p class="formula">${line.formula}</p>
    ${source(line)}${tiers(line, currency)}${tree(line.because, currency)}${taken(line, currency)}
    <p class="soft small">
      ${instant(start * 1000)} to ${instant(end * 1000)} UTC, ${seconds} seconds<br />${line.line}${
        line.price === null ? null : html` · ${jsonLink(`/v1/prices/${line.price}`, line.price)}`
      }
    </p>
  </li>`;
}

function balance({ balance: moves, currency }: Explanation): Html | null {
  if (moves.length === 0) return null;
  return table(
    'Customer balance',
    ['Transaction', 'What', 'Amount', 'Then'],
    moves.map(
      (move) =>
        html`<tr>
          <td>${move.transaction}</td>
          <td>${move.type.replaceAll('_', ' ')}</td>
          <td class="num">${formatAmount(move.amount, currency)}</td>
          <td>${formatAmount(move.ending_balance, currency)}</td>
        </tr>`,
    ),
  );
}

/** Why an invoice is what it is: each line's formula, period and seconds, and how the lines make the total. */
export function explainPage(tx: Tx, invoice: InvoiceRecord, account_name: string): Response {
  const told = explainInvoice(tx, invoice, account_name);
  const { currency } = told;
  return roomPage(
    `Invoice ${told.number ?? told.invoice}`,
    html`<p>
        ${told.status}, ${told.billing_reason.replaceAll('_', ' ')}, made ${instant(told.created * 1000)} UTC for
        ${jsonLink(`/v1/customers/${told.customer}`, told.customer)}.
        ${jsonLink(`/v1/invoices/${told.invoice}`, 'As JSON')} ·
        <a href="/_sandbox/invoices/${told.invoice}?format=json">Explanation as JSON</a>${
          invoice.page_token === null ? null : html` · <a href="/i/${invoice.page_token}">Hosted page</a>`
        }
      </p>
      <section class="card" aria-labelledby="lines">
        <h2 id="lines">Lines</h2>
        ${told.lines.length === 0 ? html`<p class="soft">This invoice has no lines.</p>` : null}
        <ul class="plain explained">
          ${told.lines.map((line) => lineRow(line, currency))}
        </ul>
      </section>
      ${table(
        'Sum',
        ['Step', 'Amount'],
        told.sum.map(
          ({ step, amount }) =>
            html`<tr>
              <td>${step}</td>
              <td class="num">${formatAmount(amount, currency)}</td>
            </tr>`,
        ),
      )}
      ${balance(told)}`,
  );
}
