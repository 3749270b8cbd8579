import {
  type Interval,
  allocate,
  currencies,
  currencyExponent,
  currencyStep,
  formatMoney,
  intervals,
  marginalPrice,
  nthPeriod,
  parseMajor,
  periodAt,
  prorate,
  rateUsage,
  remainingPart,
} from '../packages/core/src/index.ts';
import { createChance, readChoices } from './chance.ts';
import { anyPrice, countByUnit, inTenThousandths } from './rating-oracle.ts';

/**
 * The rules of core, at scale, against oracles that are written here from the definitions and share nothing with them:
 * periods tile time, money is read and written without loss, tiers cost what counting unit by unit costs, and the parts of a
 * proration sum to the whole. `--long` looks up both ends of every period and writes every price for people.
 */
const { isLong, seed } = readChoices(process.argv);
const chance = createChance(seed);
const faults: string[] = [];
let failures = 0;
const started = performance.now();

console.log(`seed ${seed}`);
const periods = drillPeriods();
const money = drillMoney();
const tiers = drillTiers(100_000);
const prorations = drillProrations(isLong ? 1_000_000 : 100_000);
for (const line of faults) console.log(`  FAULT ${line}`);
const seconds = Math.round((performance.now() - started) / 100) / 10;
const met = failures === 0;
console.log(
  JSON.stringify({ name: 'drill:money', met, seed, ...periods, ...money, ...tiers, ...prorations, failures, seconds }),
);
process.exit(met ? 0 : 1);

function fault(text: string): void {
  failures += 1;
  if (faults.length < 20) faults.push(text);
}

/** Every day of a leap year, at midnight of thirty zones, as an anchor: twelve years of periods of every interval. */
function drillPeriods() {
  const zones = (
    'Pacific/Kiritimati Pacific/Apia Pacific/Chatham Pacific/Auckland Australia/Lord_Howe Australia/Sydney Australia/Adelaide ' +
    'Asia/Tokyo Asia/Shanghai Asia/Kathmandu Asia/Kolkata Asia/Karachi Asia/Tehran Asia/Dubai Europe/Moscow Africa/Cairo ' +
    'Africa/Johannesburg Europe/Berlin Europe/London Europe/Dublin UTC Atlantic/Azores America/St_Johns America/Sao_Paulo ' +
    'America/Santiago America/New_York America/Chicago America/Los_Angeles Pacific/Marquesas Pacific/Pago_Pago'
  ).split(' ');
  const counts = { anchors: 0, zones: zones.length, periods: 0, gaps: 0, overlaps: 0 };
  for (const zone of zones) {
    const offsetAt = offsetsOf(zone);
    for (let day = 0; day < 366; day += 1) {
      const local = Date.UTC(2028, 0, 1 + day);
      // Midnight there; where the clock jumps over it, the instant that the offset before it names.
      const anchor = local - offsetAt(local - offsetAt(local));
      counts.anchors += 1;
      for (const interval of intervals) tile(anchor, interval, counts);
    }
  }
  return counts;
}

/** Periods half-open and end to end from the anchor on; each begins where the calendar says. */
function tile(anchor: number, interval: Interval, counts: { periods: number; gaps: number; overlaps: number }): void {
  const startOf = naiveStarts(anchor, interval);
  const until = startOf.twelveYears;
  let end = anchor;
  for (let n = 0; end < until; n += 1) {
    const period = nthPeriod(anchor, interval, n);
    if (period.start_at > end) counts.gaps += 1;
    if (period.start_at < end || period.end_at <= period.start_at) counts.overlaps += 1;
    if (period.start_at !== end || period.start_at !== startOf.nth(n))
      fault(`${interval} ${n} of ${new Date(anchor).toISOString()} starts ${new Date(period.start_at).toISOString()}`);
    if ((isLong || interval !== 'day' || n % 31 === 0) && !isFoundAtBothEnds(anchor, interval, n, period)) return;
    end = period.end_at;
    counts.periods += 1;
  }
}

function isFoundAtBothEnds(
  anchor: number,
  interval: Interval,
  n: number,
  period: { start_at: number; end_at: number },
): boolean {
  const isFound =
    periodAt(anchor, interval, period.start_at).index === n &&
    periodAt(anchor, interval, period.end_at - 1).index === n;
  if (!isFound) fault(`${interval} ${n} of ${new Date(anchor).toISOString()} is not the period of its own ends`);
  return isFound;
}

/**
 * Stripe's rule for billing periods: so many days, or so many months later on the anchor's day, or on the last day of a
 * month that does not have it; at the anchor's time of day (https://docs.stripe.com/billing/subscriptions/billing-cycle).
 */
function naiveStarts(anchor: number, interval: Interval): { nth: (n: number) => number; twelveYears: number } {
  const date = new Date(anchor);
  const [year, month, day] = [date.getUTCFullYear(), date.getUTCMonth(), date.getUTCDate()];
  const time = anchor - Date.UTC(year, month, day);
  const months = { month: 1, quarter: 3, year: 12 };
  const monthsLater = (count: number): number => {
    const first = new Date(Date.UTC(year, month + count, 1));
    const last = new Date(Date.UTC(year, month + count + 1, 0)).getUTCDate();
    return Date.UTC(first.getUTCFullYear(), first.getUTCMonth(), Math.min(day, last)) + time;
  };
  const nth = (n: number): number =>
    interval === 'day' || interval === 'week'
      ? anchor + n * (interval === 'week' ? 7 : 1) * 86_400_000
      : monthsLater(n * months[interval]);
  return { nth, twelveYears: monthsLater(144) };
}

function offsetsOf(zone: string): (at: number) => number {
  const format = new Intl.DateTimeFormat('en-GB', { timeZone: zone, timeZoneName: 'longOffset' });
  return (at) => {
    const name = format.formatToParts(at).find((part) => part.type === 'timeZoneName')?.value ?? '';
    const [, sign = '+', hours = '0', minutes = '0'] = /GMT([+-])(\d\d):(\d\d)/.exec(name) ?? [];
    return (sign === '-' ? -1 : 1) * (Number(hours) * 60 + Number(minutes)) * 60_000;
  };
}

/** The prices 0.00 to 99.99, as every currency writes its minor units, read, written for people and read again. */
function drillMoney() {
  // https://docs.stripe.com/currencies: who has no minor unit, who has three digits, and what must end in zeros.
  const none = 'bif clp djf gnf jpy kmf krw mga pyg rwf vnd vuv xaf xof xpf'.split(' ');
  const three = 'bhd jod kwd omr tnd'.split(' ');
  let read = 0;
  let written = 0;
  for (const currency of currencies) {
    const digits = none.includes(currency) ? 0 : three.includes(currency) ? 3 : 2;
    const step = digits === 3 ? 10 : currency === 'isk' || currency === 'ugx' ? 100 : 1;
    if (currencyExponent(currency) !== digits || currencyStep(currency) !== step) fault(`${currency} has other digits`);
    for (let count = 0; count < 10_000; count += 1) {
      const amount = count * step;
      const text = withPoint(amount, digits);
      read += 1;
      if (parseMajor(text, currency) !== amount) fault(`${text} ${currency} is read as ${parseMajor(text, currency)}`);
      if (!isLong && chance.between(1, 50) > 1) continue;
      written += 1;
      const shown = formatMoney(amount, currency);
      const number = /[\d,]*(?:\.\d+)?$/.exec(shown)?.[0].replaceAll(',', '') ?? '';
      if (parseMajor(number, currency) !== amount) fault(`${amount} ${currency} is shown as ${shown}`);
    }
  }
  return { currencies: currencies.length, prices_read: read, prices_written: written };
}

function withPoint(amount: number, digits: number): string {
  const text = String(amount).padStart(digits + 1, '0');
  return digits === 0 ? text : `${text.slice(0, -digits)}.${text.slice(-digits)}`;
}

/** Prices of every kind in whole ten-thousandths of a minor unit, so that the oracle counts in whole numbers. */
function drillTiers(cases: number) {
  const counts = { tier_cases: cases, units_counted: 0 };
  for (let made = 0; made < cases; made += 1) {
    const included = chance.between(0, 40);
    const overage = anyPrice(chance);
    const usage = { meter_id: 'm', included, quota: 'soft', interval: 'month', overage } as const;
    const units = chance.between(0, 240);
    const expected = countByUnit(overage, units - included);
    counts.units_counted += units;
    const rated = rateUsage(usage, units).amount_minor;
    if (rated !== expected.amount)
      fault(`${JSON.stringify(usage)} for ${units} costs ${rated}, not ${expected.amount}`);
    const cut = chance.between(0, units);
    const parts =
      inTenThousandths(marginalPrice(usage, 0, cut)) + inTenThousandths(marginalPrice(usage, cut, units - cut));
    if (parts !== expected.exact) fault(`${JSON.stringify(usage)}: ${cut} and ${units - cut} more cost ${parts}`);
  }
  return counts;
}

/** A period cut anywhere, as often as one likes; a change there and back; a change by a detour. */
function drillProrations(cases: number) {
  const counts = { proration_cases: cases, parts: 0 };
  for (let made = 0; made < cases; made += 1) {
    const anchor = Date.UTC(2028, 0, 1, 0, 0, chance.between(0, 366 * 86_400));
    const period = nthPeriod(anchor, chance.oneOf(intervals), chance.between(0, 144));
    const length_s = (period.end_at - period.start_at) / 1000;
    const amount = chance.between(0, 100_000_000);
    const cuts = Array.from({ length: chance.between(0, 6) }, () => chance.between(0, length_s)).sort((a, b) => a - b);
    const lengths = [...cuts, length_s].map((cut, index) => cut - (cuts[index - 1] ?? 0));
    counts.parts += lengths.length;
    const instants = [0, ...cuts, length_s].map((cut) => period.start_at + cut * 1000);
    const left = instants.map((at) => remainingPart(amount, period, at));
    const exact = left.slice(1).map((to, index) => (left[index]?.numerator ?? 0n) - to.numerator);
    if (exact.some((part, index) => part !== BigInt(amount) * BigInt(lengths[index] ?? -1)))
      fault(`a part of ${amount} over ${length_s} s cut at ${cuts.join(', ')} is not its share`);
    if (exact.reduce((sum, part) => sum + part, 0n) !== BigInt(amount) * BigInt(length_s))
      fault(`the parts of ${amount} over ${length_s} s cut at ${cuts.join(', ')} are not the whole`);
    const whole = allocate(amount, lengths).reduce((sum, part) => sum + part, 0);
    if (whole !== amount) fault(`${amount} in whole minor units over ${lengths.join(', ')} sums to ${whole}`);
    checkDetours(amount, period, instants[1] ?? period.start_at);
  }
  return counts;
}

function checkDetours(a: number, period: { start_at: number; end_at: number }, at: number): void {
  const [b, c] = [chance.between(0, 1_000_000), chance.between(0, 1_000_000)];
  const net = (from: number, to: number): number => prorate(from, to, period, at).net_minor;
  if (net(a, b) + net(b, a) !== 0) fault(`${a} to ${b} and back is not free`);
  if (net(a, b) + net(b, c) !== net(a, c)) fault(`${a} to ${c} by ${b} costs another amount than straight`);
}
