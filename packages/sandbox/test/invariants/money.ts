import { amountRemaining } from '../../src/resources/invoices/invoice-amounts.ts';
import type { InvoiceRecord, LineRecord } from '../../src/store/records.ts';
import type { MeterEventRecord } from '../../src/store/usage-records.ts';
import { type Change, changesOf, type Told, type World } from './world.ts';

/** Records whose numbers are no money and no time. */
const unmeasured = new Set(['setting', 'fault', 'delivery', 'idempotency']);

/** Fields of the API that hold a percentage, or a measured value. */
const shares = new Set(['percent_off', 'percentage', 'effective_percentage', 'value', 'aggregated_value']);

/** 1. Money and times are whole numbers, none of them lost to a float, none of them minus nothing. */
function numberFaults(value: unknown, path: string): string[] {
  if (typeof value === 'number') {
    return Number.isSafeInteger(value) && !Object.is(value, -0)
      ? []
      : [`1. ${path} is ${Object.is(value, -0) ? '-0' : value}`];
  }
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, each]) => (shares.has(key) ? [] : numberFaults(each, `${path}.${key}`)));
}

interface Amount {
  amount: number;
  tax_behavior?: string;
  type?: string;
}

function sum(all: unknown, wanted: (each: Amount) => boolean = () => true): number {
  return ((all as Amount[] | null | undefined) ?? []).filter(wanted).reduce((total, each) => total + each.amount, 0);
}

const exclusive = (each: Amount): boolean => each.tax_behavior === 'exclusive';
const granted = (each: Amount): boolean => each.type === 'credit_balance_transaction';

/** 2. An invoice as the API shows it adds up, line by line and as a whole. Also of previews. */
export function invoiceFaults(invoice: Told): string[] {
  const faults: string[] = [];
  const number = (name: string): number => invoice[name] as number;
  const same = (name: string, is: number, should: number): void => {
    if (is !== should) faults.push(`2. ${String(invoice['id'])}: ${name} is ${is}, it should be ${should}`);
  };
  const { data: lines, has_more } = invoice['lines'] as { data: Told[]; has_more: boolean };
  const discounts = sum(invoice['total_discount_amounts']);
  const taxes = sum(invoice['total_taxes']);
  const credits = sum(invoice['total_pretax_credit_amounts'], granted);
  const on_top = sum(invoice['total_taxes'], exclusive);
  if (!has_more) {
    const of = (name: string, wanted?: (each: Amount) => boolean): number =>
      lines.reduce((total, line) => total + sum(line[name], wanted), 0);
    same('subtotal', number('subtotal'), sum(lines));
    same('Σ line discounts', of('discount_amounts'), discounts);
    same('Σ line credits', of('pretax_credit_amounts', granted), credits);
    same('Σ line taxes', of('taxes'), taxes);
  }
  same('total', number('total'), number('subtotal') - discounts - credits + on_top);
  same('total_excluding_tax', number('total_excluding_tax'), number('total') - taxes);
  if (invoice['status'] === 'draft') return faults;
  const moved = ((invoice['ending_balance'] as number | null) ?? 0) - number('starting_balance');
  same(
    'amount_due + what the balance took',
    number('amount_due') + moved + number('pre_payment_credit_notes_amount'),
    number('total'),
  );
  const open = invoice['status'] === 'void' ? 0 : number('amount_due') - number('amount_paid');
  same('amount_remaining', number('amount_remaining'), open);
  if (invoice['status'] === 'paid') same('amount_remaining of a paid one', number('amount_remaining'), 0);
  return faults;
}

/**
 * 2. What came for an invoice, through its payments and without Stripe, is what was paid and what was too much. The
 * default payment asks for what is left.
 */
function paymentFaults(world: World, invoice: InvoiceRecord): string[] {
  const { amount_overpaid = 0, amount_paid, amount_paid_off_stripe = 0, id } = invoice;
  const payments = world.of('invoice_payment', 'invoice', id);
  const through = payments
    .filter((each) => each.status === 'paid')
    .reduce((total, each) => total + (each.amount_paid ?? 0), 0);
  const faults: string[] = [];
  if (through + amount_paid_off_stripe !== amount_paid + amount_overpaid) {
    faults.push(
      `2. ${id}: ${through} came and ${amount_paid_off_stripe} without Stripe, amount_paid is ${amount_paid}, ${amount_overpaid} overpaid`,
    );
  }
  if (amount_overpaid > 0 && invoice.status !== 'paid') faults.push(`2. ${id}: overpaid and ${invoice.status}`);
  const asks = payments.filter((each) => each.status === 'open' && each.is_default !== false);
  if (asks.length > 1) faults.push(`2. ${id}: ${asks.length} default payments are open`);
  for (const { amount_requested } of asks) {
    const left = amountRemaining(invoice);
    if (amount_requested !== left) faults.push(`2. ${id}: ${amount_requested} are asked for, ${left} are left to pay`);
  }
  for (const when of ['pre', 'post'] as const) {
    const noted = world
      .of('credit_note', 'invoice', id)
      .reduce((sum, each) => sum + (each.voided_at === null ? each[`${when}_payment_amount`] : 0), 0);
    const said = invoice[`${when}_payment_credit_notes_amount`] ?? 0;
    if (noted !== said) faults.push(`2. ${id}: its credit notes come to ${noted} ${when} payment, it says ${said}`);
  }
  return faults;
}

/** 3. A balance is the sum of its ledger; a grant's remainder lies between nothing and what it gave. */
function ledgerFaults(world: World, changes: readonly Change[]): string[] {
  const customers = new Set([
    ...changesOf(changes, 'customer').map((each) => each.id),
    ...changesOf(changes, 'balance_transaction').map((each) => (each.after ?? each.before)?.customer ?? ''),
  ]);
  const faults = [...customers].flatMap((id) => {
    const customer = world.get('customer', id);
    if (customer === undefined || customer.deleted) return [];
    const ledger = world
      .of('balance_transaction', 'customer', id)
      .reduce((total, { amount, ending_balance, id: of }) => {
        if (total + amount !== ending_balance) return Number.NaN;
        return of === '' ? total : ending_balance;
      }, 0);
    return ledger === customer.balance ? [] : [`3. ${id}: balance ${customer.balance}, its ledger says ${ledger}`];
  });
  const grants = new Set(changesOf(changes, 'credit_transaction').map((each) => each.after?.credit_grant ?? ''));
  for (const id of grants) {
    const grant = world.get('credit_grant', id);
    const left = world.of('credit_transaction', 'credit_grant', id).reduce((total, each) => total + each.amount, 0);
    if (grant !== undefined && (left < 0 || left > grant.amount)) faults.push(`3. ${id}: ${left} are left of it`);
  }
  return faults;
}

/** What may still change when an invoice is final. */
const loose = new Set<string>([
  'amount_overpaid',
  'amount_paid',
  'amount_paid_off_stripe',
  'attempt_count',
  'auto_advance',
  'collection_method',
  'default_payment_method',
  'description',
  'due_date',
  'latest_revision',
  'marked_uncollectible_at',
  'metadata',
  'next_payment_attempt',
  'overdue',
  'paid_at',
  'payment_intent',
  'payment_settings',
  'post_payment_credit_notes_amount',
  'pre_payment_credit_notes_amount',
  'status',
  'uncollectible_reason',
  'voided_at',
  'webhooks_delivered_at',
]);

/** 8. What is final stays; the numbers of a customer have no gap. */
function finalFaults(world: World, { before, after, id }: Change<'invoice'>): string[] {
  const faults: string[] = [];
  if (before !== null && before.status !== 'draft') {
    if (after === null) return [`8. ${id} is gone, though it was final`];
    const names = new Set([...Object.keys(before), ...Object.keys(after)]) as Set<keyof InvoiceRecord>;
    for (const name of names) {
      if (!loose.has(name) && JSON.stringify(before[name]) !== JSON.stringify(after[name]))
        faults.push(`8. ${id}: ${name} of a final invoice changed`);
    }
  }
  if (after === null || after.number === null || before?.number === after.number) return faults;
  if (after.is_own_number === true) return faults;
  // What a seller numbers by hand is passed over by the sequence.
  const all = world.of('invoice', 'customer', after.customer).filter((each) => each.number !== null);
  const count = (invoice: InvoiceRecord): number => Number(invoice.number?.split('-').at(-1));
  const numbers = all.filter((each) => each.is_own_number !== true).map(count);
  const passed = new Set([...numbers, ...all.map(count)]);
  const last = Math.max(...numbers);
  const between = Array.from({ length: last - Math.min(...numbers) }, (_, index) => last - index);
  const gap = between.find((each) => !passed.has(each)) ?? (new Set(numbers).size < numbers.length ? last : undefined);
  if (gap !== undefined) faults.push(`8. ${id}: the numbers of its customer are ${numbers.join(' ')}`);
  return faults;
}

function exact(decimal: string): bigint {
  const [whole = '0', places = ''] = decimal.split('.');
  return BigInt(whole + places.padEnd(12, '0'));
}

function counted(events: readonly MeterEventRecord[], lines: readonly LineRecord[]): boolean {
  const used = events.reduce((total, each) => total + exact(each.value), 0n);
  const billed = lines.reduce((total, each) => total + exact(each.quantity_decimal ?? '0'), 0n);
  return (used > 0n ? used : 0n) === billed;
}

/** 9. What a final invoice bills is what the meter counted at that moment. Of plain prices of summing meters. */
function usageFaults(world: World, invoice: InvoiceRecord): string[] {
  const own = invoice.lines.filter((line) => line.is_usage === true);
  const items = Map.groupBy(own, (line) => line.subscription_item);
  return [...items].flatMap(([item, lines]) => {
    const prices = lines.map((line) => world.get('price', line.price));
    const meters = new Set(prices.map((price) => price?.recurring?.meter ?? ''));
    const meter = world.get('meter', [...meters][0]);
    const is_plain =
      prices.every((price) => price?.tiers === null && price.transform_quantity == null) &&
      meters.size === 1 &&
      meter?.formula !== 'last' &&
      meter?.event_time_window === null;
    if (!is_plain || meter === undefined) return [];
    const [first] = lines;
    const { start, end } = first?.period ?? { start: 0, end: 0 };
    const accepted = world
      .of('meter_event', 'customer', invoice.customer)
      .filter((each) => each.meter === meter.id && each.state === 'accepted' && each.timestamp >= start);
    // A subscription that ends takes the usage of its last second along.
    const fits = [end, end + 1].some((to) =>
      counted(
        accepted.filter((each) => each.timestamp < to),
        lines,
      ),
    );
    return fits ? [] : [`9. ${invoice.id}: ${String(item)} bills other usage than ${meter.id} counted`];
  });
}

/** Invariants 1, 2, 3, 8 and 9. */
export function moneyFaults(world: World, changes: readonly Change[]): string[] {
  const faults = changes.flatMap(({ kind, id, after }) => (unmeasured.has(kind) ? [] : numberFaults(after, id)));
  for (const change of changesOf(changes, 'invoice')) {
    faults.push(...finalFaults(world, change));
    const { before, after } = change;
    if (after === null) continue;
    const becomes_final = after.status !== 'draft' && (before === null || before.status === 'draft');
    if (becomes_final) faults.push(...usageFaults(world, after));
  }
  const invoices = new Set([
    ...changesOf(changes, 'invoice').map((each) => each.id),
    ...changesOf(changes, 'credit_note').map((each) => (each.after ?? each.before)?.invoice),
    ...changesOf(changes, 'invoice_payment').map((each) => (each.after ?? each.before)?.invoice),
  ]);
  for (const id of invoices) {
    const invoice = world.get('invoice', id);
    if (invoice !== undefined) faults.push(...paymentFaults(world, invoice));
  }
  for (const { after } of changesOf(changes, 'event')) {
    if (after?.object['object'] === 'invoice') faults.push(...invoiceFaults(after.object));
  }
  return [...faults, ...ledgerFaults(world, changes)];
}
