import { renderInvoice } from '../resources/invoices/invoice-render.ts';
import { formatAmount, formatUnitAmount } from '../billing/money.ts';
import type { ProrationRecord } from '../store/change-records.ts';
import type { InvoiceRecord, LineRecord, PriceRecord } from '../store/records.ts';
import type { Tx } from '../store/store.ts';
import { html, type Html } from './html.ts';
import { instant, jsonLink, roomPage, table } from './room-parts.ts';

function tiers(price: PriceRecord, line: LineRecord): string[] {
  const steps = (price.tiers ?? []).map((tier, index) => {
    const from = (price.tiers?.[index - 1]?.up_to ?? 0) + 1;
    const unit = formatUnitAmount(tier.unit_amount_decimal ?? '0', line.currency);
    const flat =
      tier.flat_amount_decimal === null ? '' : ` + ${formatUnitAmount(tier.flat_amount_decimal, line.currency)}`;
    return `${from} to ${tier.up_to ?? '∞'}: ${unit} each${flat}`;
  });
  return [`${price.tiers_mode ?? 'graduated'} tiers for ${line.quantity_decimal ?? line.quantity}`, ...steps];
}

/** What a full period of the line costs by its price. */
function fullFormula(price: PriceRecord | undefined, line: LineRecord): string[] {
  const total = formatAmount(line.amount, line.currency);
  if (line.is_usage === true) {
    // A line of usage is one tier, or packages that are counted already.
    const each = formatUnitAmount(line.unit_amount_decimal, line.currency);
    return [`${each} × ${line.quantity_decimal ?? line.quantity} of usage, rounded once = ${total}`];
  }
  if (price !== undefined && price.tiers !== null) return [...tiers(price, line), `= ${total}`];
  const unit = formatUnitAmount(price?.unit_amount_decimal ?? line.unit_amount_decimal, line.currency);
  const packed = price?.transform_quantity ?? null;
  const packages = packed === null ? '' : ` / ${packed.divide_by}, ${packed.round}`;
  return [`${unit} × ${line.quantity_decimal ?? line.quantity}${packages} = ${total}`];
}

/** A prorated line: the share of the seconds of its whole period, as it was computed. */
function prorated(line: LineRecord, { credited, explanation }: ProrationRecord): string[] {
  const { amount, seconds, of_seconds } = explanation;
  const sign = credited === null ? '' : '−';
  const whole = formatAmount(amount, line.currency);
  const result = formatAmount(line.amount, line.currency);
  const share = `${sign}${whole} × ${seconds} s / ${of_seconds} s = ${result}, rounded once`;
  const source = credited?.line ?? credited?.invoice_item ?? null;
  return source === null ? [share] : [share, `gives back part of ${source}`];
}

function formulaOf(tx: Tx, line: LineRecord): string[] {
  const price = line.price === null ? undefined : tx.get('price', line.price);
  if (line.proration !== undefined) return prorated(line, line.proration);
  if (price === undefined) return [`an amount given: ${formatAmount(line.amount, line.currency)}`];
  return fullFormula(price, line);
}

function lineRow(tx: Tx, line: LineRecord): Html {
  const { start, end } = line.period;
  return html`<li>
    <h3 class="between">
      <span>${line.description ?? 'Invoice item'}</span><span>${formatAmount(line.amount, line.currency)}</span>
    </h3>
    ${formulaOf(tx, line).map((step) => html`<div>${step}</div>`)}
    <p class="soft small">
      ${instant(start * 1000)} to ${instant(end * 1000)} UTC, ${end - start} seconds<br />${line.id}
    </p>
  </li>`;
}

function sums(tx: Tx, invoice: InvoiceRecord, account_name: string): { label: string; amount: number }[] {
  const shown = renderInvoice(tx, invoice, account_name);
  const all = (amounts: { amount: number }[] | null | undefined): number =>
    (amounts ?? []).reduce((sum, each) => sum + each.amount, 0);
  const exclusive = (shown.total_taxes ?? []).filter((each) => each.tax_behavior === 'exclusive');
  const steps = [
    {
      label: `Subtotal: the sum of ${invoice.lines.length} ${invoice.lines.length === 1 ? 'line' : 'lines'}`,
      amount: shown.subtotal,
    },
    { label: '− discounts', amount: -all(shown.total_discount_amounts) },
    { label: '− billing credits', amount: -all(shown.total_pretax_credit_amounts) },
    { label: '+ taxes on top', amount: all(exclusive) },
    { label: '= total', amount: shown.total },
    { label: '+ customer balance applied', amount: shown.amount_due - Math.max(shown.total, 0) },
    { label: '= amount due', amount: shown.amount_due },
    { label: '− paid', amount: -shown.amount_paid },
    { label: '= remaining', amount: shown.amount_remaining },
  ];
  return steps.filter(({ label, amount }) => amount !== 0 || label.startsWith('=') || label.startsWith('Sub'));
}

/** Why an invoice is what it is: each line's formula, period and seconds, and how the lines make the total. */
export function explainPage(tx: Tx, invoice: InvoiceRecord, account_name: string): Response {
  return roomPage(
    `Invoice ${invoice.number ?? invoice.id}`,
    html`<p>
        ${invoice.status}, ${invoice.billing_reason.replaceAll('_', ' ')}, made ${instant(invoice.created * 1000)} UTC
        for ${jsonLink(`/v1/customers/${invoice.customer}`, invoice.customer)}.
        ${jsonLink(`/v1/invoices/${invoice.id}`, 'As JSON')}${
          invoice.page_token === null ? null : html` · <a href="/i/${invoice.page_token}">Hosted page</a>`
        }
      </p>
      <section class="card" aria-labelledby="lines">
        <h2 id="lines">Lines</h2>
        <ul class="plain">
          ${invoice.lines.map((line) => lineRow(tx, line))}
        </ul>
      </section>
      ${table(
        'Sum',
        ['Step', 'Amount'],
        sums(tx, invoice, account_name).map(
          ({ label, amount }) =>
            html`<tr>
              <td>${label}</td>
              <td class="num">${formatAmount(amount, invoice.currency)}</td>
            </tr>`,
        ),
      )}`,
  );
}
