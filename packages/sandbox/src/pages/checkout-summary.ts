import { formatAmount, priceAmount } from '../billing/money.ts';
import { lineSums, recurringTotal, sessionTotal, sumsOf } from '../resources/checkout/checkout-sums.ts';
import { trialText } from '../resources/checkout/checkout-start.ts';
import { usageText } from '../resources/usage/usage-lines.ts';
import type { CheckoutSessionRecord, PaymentFailure, PriceRecord, SessionLineRecord } from '../store/records.ts';
import type { Tx } from '../store/store.ts';
import { html, type Html } from './html.ts';

function every(price: PriceRecord | undefined): string | null {
  if (price?.recurring == null) return null;
  const { interval, interval_count } = price.recurring;
  return interval_count === 1 ? `per ${interval}` : `every ${interval_count} ${interval}s`;
}

/** `per month`, of what recurs in a session. */
function rhythmOf(tx: Tx, session: CheckoutSessionRecord): string | null {
  const prices = session.line_items.map((item) => tx.need('price', item.price));
  return every(prices.find((price) => price.recurring !== null));
}

/** `then $499.00 per month`, where something else is due now. */
export function thenText(tx: Tx, session: CheckoutSessionRecord): string | null {
  const total = recurringTotal(tx, session);
  const rhythm = rhythmOf(tx, session);
  if (total === null || rhythm === null) return null;
  return `${formatAmount(total, session.currency)} ${rhythm}`;
}

function nameOf(tx: Tx, price: PriceRecord): { name: string; description: string | null } {
  const product = tx.get('product', price.product);
  return { name: product?.name ?? price.product, description: product?.description ?? null };
}

function quantityForm(session: CheckoutSessionRecord, line: SessionLineRecord, name: string): Html | null {
  if (line.adjustable == null) return line.quantity < 2 ? null : html` × ${line.quantity}`;
  const { minimum, maximum } = line.adjustable;
  return html`<form method="post" action="/c/pay/${session.id}" class="inline">
    <input type="hidden" name="line" value="${line.id}" />
    <input
      name="quantity"
      type="number"
      aria-label="Quantity of ${name}"
      min="${minimum}"
      max="${maximum}"
      value="${line.quantity}"
      required
    />
    <button name="action" value="quantity">Update</button>
  </form>`;
}

function lineRow(tx: Tx, session: CheckoutSessionRecord, line: SessionLineRecord): Html {
  const price = tx.need('price', line.price);
  const { name, description } = nameOf(tx, price);
  const amount = usageText(price) ?? formatAmount(priceAmount(price, line.quantity), price.currency);
  return html`<li>
    <span
      >${name}${quantityForm(session, line, name)}${
        description === null ? null : html`<br /><span class="soft small">${description}</span>`
      }</span
    ><span>${amount} <span class="soft small">${every(price)}</span></span>
  </li>`;
}

function optionalRows(tx: Tx, session: CheckoutSessionRecord): Html | null {
  const offered = session.optional_items ?? [];
  if (offered.length === 0) return null;
  return html`<h2 class="also">Also available</h2>
    <ul class="rows">
      ${offered.map((item) => {
        const price = tx.need('price', item.price);
        const { name, description } = nameOf(tx, price);
        const is_in = session.line_items.some((line) => line.price === item.price);
        return html`<li>
          <span
            >${name}${description === null ? null : html`<br /><span class="soft small">${description}</span>`}<br /><span
              class="soft small"
              >${formatAmount(priceAmount(price, item.quantity), price.currency)} ${every(price)}</span
            ></span
          >
          <form method="post" action="/c/pay/${session.id}">
            <input type="hidden" name="price" value="${item.price}" />
            <button name="action" value="optional" aria-label="${is_in ? 'Remove' : 'Add'} ${name}">
              ${is_in ? 'Remove' : 'Add'}
            </button>
          </form>
        </li>`;
      })}
    </ul>`;
}

/** Discounts, taxes and what is left to pay today, where they say more than the lines do. */
function sumRows(tx: Tx, session: CheckoutSessionRecord): Html | null {
  const sums = sumsOf(tx, session);
  const amount = (value: number): string => formatAmount(value, session.currency);
  const [first] = session.discounts ?? [];
  const rates = new Map<string, number>();
  for (const tax of lineSums(tx, session).flatMap((line) => line.taxes)) {
    rates.set(tax.tax_rate, (rates.get(tax.tax_rate) ?? 0) + tax.amount);
  }
  if (first === undefined && rates.size === 0 && session.line_items.length < 2) return null;
  const code = first?.promotion_code == null ? null : tx.need('promotion_code', first.promotion_code).code;
  const name = first === undefined ? '' : (code ?? tx.need('coupon', first.coupon).name ?? 'Discount');
  return html`<ul class="rows sums">
    ${
      first === undefined && rates.size === 0
        ? null
        : html`<li><span class="soft">Subtotal</span><span>${amount(sums.subtotal)}</span></li>`
    }
    ${first === undefined ? null : html`<li><span>${name}</span><span>${amount(-sums.discount)}</span></li>`}
    ${[...rates].map(([id, tax]) => {
      const rate = tx.need('tax_rate', id);
      return html`<li>
        <span class="soft">${rate.display_name} (${rate.percentage}%${rate.inclusive ? ', included' : ''})</span
        ><span>${amount(tax)}</span>
      </li>`;
    })}
    <li class="due"><span>Due today</span><span>${amount(sums.total)}</span></li>
  </ul>`;
}

function codeForm(session: CheckoutSessionRecord, refused: PaymentFailure | null): Html | null {
  if (session.allow_promotion_codes !== true || session.mode === 'setup') return null;
  if ((session.discounts ?? []).length > 0) {
    return html`<form method="post" action="/c/pay/${session.id}" class="inline">
      <input type="hidden" name="code" value="" /><button name="action" value="code">Remove the code</button>
    </form>`;
  }
  return html`<form method="post" action="/c/pay/${session.id}" class="inline">
    <div>
      <label for="code">Promotion code</label
      ><input
        id="code"
        name="code"
        required
        autocomplete="off"
        ${refused === null ? null : html` aria-invalid="true" aria-describedby="code-error"`}
      />
    </div>
    <button name="action" value="code">Apply</button>
    ${refused === null ? null : html`<p class="error" id="code-error" role="alert">${refused.message}</p>`}
  </form>`;
}

function title(tx: Tx, session: CheckoutSessionRecord, seller: string): string {
  const [first] = session.line_items;
  const name =
    session.line_items.length === 1 && first !== undefined ? nameOf(tx, tx.need('price', first.price)).name : seller;
  if (session.mode === 'setup') return `Save a card with ${seller}`;
  if (session.mode !== 'payment') return `Subscribe to ${name}`;
  return session.submit_type === 'donate' ? `Donate to ${seller}` : `Pay ${seller}`;
}

/** What is bought, on the left; on a phone above. */
export function summary(
  tx: Tx,
  session: CheckoutSessionRecord,
  account_name: string,
  shown: { back: string | null; refused: PaymentFailure | null },
): Html {
  const seller = session.display_name ?? account_name;
  const total = sessionTotal(tx, session);
  const recurring = thenText(tx, session);
  const is_plain = recurringTotal(tx, session) === total;
  return html`<section class="sum" aria-label="Order">
    ${shown.back === null ? null : html`<p><a href="${shown.back}">← Back to ${seller}</a></p>`}
    <p class="mode">Test mode: no money moves</p>
    <h1>${title(tx, session, seller)}</h1>
    ${
      session.mode === 'setup'
        ? html`<p class="soft">Nothing is charged now. ${seller} may charge the card later, as agreed with you.</p>`
        : html`<p class="amount">
            ${trialText(session, tx.now) ?? formatAmount(total, session.currency)}
            <span class="soft small"
              >${recurring === null ? null : is_plain ? rhythmOf(tx, session) : `then ${recurring}`}</span
            >
          </p>`
    }
    ${session.mode === 'setup' ? null : html`<p class="soft">Sold by ${seller}</p>`}
    ${
      session.line_items.length === 0
        ? null
        : html`<ul class="rows">
            ${session.line_items.map((line) => lineRow(tx, session, line))}
          </ul>`
    }
    ${sumRows(tx, session)}${codeForm(session, shown.refused)}${optionalRows(tx, session)}
  </section>`;
}
