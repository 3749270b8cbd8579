import {
  type Grant,
  type HourUnits,
  type PricedUsage,
  drawCredit,
  meteredMinor,
  minimumFor,
  periodAt,
  planMinimumFor,
  rateUsage,
  shortfallOf,
  unitsToSend,
  unitsWithin,
} from '../packages/core/src/index.ts';
import { createChance, readChoices } from './chance.ts';
import { anyPrice, ratedByUnit } from './rating-oracle.ts';
import { drillReporters } from './rating-reporters.ts';

/**
 * What usage costs, against an oracle that counts unit by unit and shares nothing with the rules: prices of every kind, included amounts,
 * minimums of parts of periods, spend caps and credit drawn in order. And what is sent to a meter by the hour, however often usage
 * grew and shrank. Then customer-months of the whole program with both reporters: cost so far in the last instant is the invoice to
 * the cent, and no cap is exceeded. Short: 5,000 plans and 8 months; with `--long` 100,000 plans and 1,000 months.
 */
const { isLong, seed } = readChoices(process.argv);
const chance = createChance(seed);
const faults: string[] = [];
let failures = 0;
const started = performance.now();
const month = periodAt(Date.UTC(2026, 0, 1), 'month', Date.UTC(2026, 10, 10));

console.log(`seed ${seed}`);
const rating = drillRating(isLong ? 100_000 : 5_000);
const hours = drillHours(isLong ? 100_000 : 5_000);
const reporters = await drillReporters({ months: isLong ? 1000 : 8, seed, fault });
for (const line of faults) console.log(`  FAULT ${line}`);
const seconds = Math.round((performance.now() - started) / 100) / 10;
const met = failures === 0;
console.log(JSON.stringify({ name: 'drill:rating', met, seed, ...rating, ...hours, ...reporters, failures, seconds }));
process.exit(met ? 0 : 1);

function fault(text: string): void {
  failures += 1;
  if (faults.length < 20) faults.push(text);
}

/** A plan with up to three meters, usage of each, a cap and some credit: what is billed, and from where it is paid. */
function drillRating(cases: number) {
  const counts = {
    plans: cases,
    units_counted: 0,
    capped: 0,
    below_minimum: 0,
    plans_below_minimum: 0,
    paid_from_credit: 0,
  };
  for (let made = 0; made < cases; made += 1) {
    const meters = Array.from({ length: chance.between(1, 3) }, (_, index) => anyUsage(`m${index}`));
    const cap = chance.draw() < 0.4 ? chance.between(0, 600) : null;
    const cut = chance.between(0, 30);
    const part = { start_at: month.start_at, end_at: month.end_at - cut * 86_400_000 };
    let spent = 0;
    const charges: { meter_id: string; amount_minor: number }[] = [];
    for (const usage of meters) {
      const units = chance.between(0, 200);
      counts.units_counted += units;
      const expected = ratedByUnit(usage, units);
      const rated = rateUsage(usage, units).amount_minor;
      if (rated !== expected) fault(`${JSON.stringify(usage)} for ${units} costs ${rated}, not ${expected}`);
      const room = cap === null ? null : cap - spent;
      const billed = Math.min(rated, room ?? rated);
      if (billed < rated) counts.capped += 1;
      spent += billed;
      checkCap(usage, units, room);
      checkMinimum(usage, part, billed, counts);
      charges.push({ meter_id: usage.meter_id, amount_minor: billed });
    }
    checkPlanMinimum(meters, part, spent, counts);
    if (cap !== null && spent > cap) fault(`${spent} was billed under a cap of ${cap}`);
    counts.paid_from_credit += checkCredit(charges);
  }
  return counts;
}

/** The units that fit are the most that do: one more costs more than is left, unless no number of units does. */
function checkCap(usage: PricedUsage, units: number, room: number | null): void {
  if (room === null) return;
  const most = unitsWithin(usage, room);
  if (most === null) return;
  if (ratedByUnit(usage, most) > room) fault(`${most} units of ${JSON.stringify(usage)} cost more than ${room}`);
  if (ratedByUnit(usage, most + 1) <= room)
    fault(`${most + 1} units of ${JSON.stringify(usage)} still fit into ${room}`);
  if (ratedByUnit(usage, Math.min(units, most)) > room) fault(`what is sent under a cap of ${room} costs more`);
}

/** By whole days here, so that the oracle needs whole numbers only. */
function checkMinimum(
  usage: PricedUsage,
  part: { start_at: number; end_at: number },
  billed: number,
  counts: { below_minimum: number },
): void {
  const whole = usage.overage === null ? 0 : (usage.minimum_minor ?? 0);
  const minimum = minimumFor(usage, part, month);
  checkPart(whole, minimum, part);
  const shortfall = shortfallOf(minimum, billed);
  if (billed + shortfall !== Math.max(billed, minimum)) fault(`${billed} and ${shortfall} are not ${minimum} at least`);
  if (shortfall > 0) counts.below_minimum += 1;
}

/** Of all meters together, as usage of them was billed. */
function checkPlanMinimum(
  usage: PricedUsage[],
  part: { start_at: number; end_at: number },
  billed: number,
  counts: { plans_below_minimum: number },
): void {
  const amount_minor = chance.between(1, 2000);
  const minimum = planMinimumFor({ minimum: { interval: 'month', amount_minor }, usage }, part, month);
  checkPart(amount_minor, minimum, part);
  // Minor unit by minor unit: as long as there is less than the minimum, one is lacking.
  let lacking = 0;
  while (billed + lacking < minimum) lacking += 1;
  if (shortfallOf(minimum, billed) !== lacking) fault(`${billed} lacks ${shortfallOf(minimum, billed)} to ${minimum}`);
  if (lacking > 0) counts.plans_below_minimum += 1;
}

/** What the rest of the period comes to, a half upwards, and the part what that leaves. */
function checkPart(whole: number, found: number, part: { start_at: number; end_at: number }): void {
  const days = (part.end_at - part.start_at) / 86_400_000;
  const left = Math.floor(((30 - days) * whole * 2 + 30) / 60);
  if (found !== whole - left) fault(`${days} days of a minimum of ${whole} are ${found}, not ${whole - left}`);
}

/** Minor unit by minor unit: each is paid by the first grant in order that is for its meter and has something left. */
function checkCredit(charges: { meter_id: string; amount_minor: number }[]): number {
  const at = month.end_at - 1;
  const grants = Array.from({ length: chance.between(0, 4) }, (_, index): Grant => ({
    id: `g${index}`,
    remaining_minor: chance.between(0, 200),
    category: chance.oneOf(['paid', 'promotional']),
    priority: chance.between(0, 2),
    effective_at: month.start_at,
    expires_at: chance.draw() < 0.5 ? null : at + chance.between(-2, 3),
    meter_ids: chance.draw() < 0.6 ? null : [chance.oneOf(['m0', 'm1'])],
    created_at: month.start_at + index,
  }));
  const order = grants
    .filter(({ expires_at }) => expires_at === null || at < expires_at)
    .map((grant) => ({ grant, left: grant.remaining_minor }))
    .toSorted(({ grant: a }, { grant: b }) => {
      const end = (grant: Grant) => grant.expires_at ?? Number.MAX_SAFE_INTEGER;
      const given = (grant: Grant) => (grant.category === 'promotional' ? 0 : 1);
      return a.priority - b.priority || end(a) - end(b) || given(a) - given(b) || a.created_at - b.created_at;
    });
  const expected = new Map<string, number>();
  for (const { meter_id, amount_minor } of charges)
    for (let unit = 0; unit < amount_minor; unit += 1) {
      const payer = order.find(({ grant, left }) => left > 0 && (grant.meter_ids?.includes(meter_id) ?? true));
      if (payer === undefined) break;
      payer.left -= 1;
      const name = `${payer.grant.id} ${meter_id}`;
      expected.set(name, (expected.get(name) ?? 0) + 1);
    }
  const drawn = drawCredit(grants, charges, at);
  const found = new Map(drawn.map(({ grant_id, meter_id, amount_minor }) => [`${grant_id} ${meter_id}`, amount_minor]));
  const differs = found.size !== expected.size || [...expected].some(([name, amount]) => found.get(name) !== amount);
  if (differs) fault(`credit ${JSON.stringify(grants)} pays ${JSON.stringify(charges)} by ${JSON.stringify(drawn)}`);
  return drawn.reduce((sum, { amount_minor }) => sum + amount_minor, 0);
}

/** Hours that grow, and sometimes shrink, between what is sent of them: all that was sent is what is owed, or was owed once. */
function drillHours(cases: number) {
  const counts = { metered_periods: cases, events_sent: 0 };
  for (let made = 0; made < cases; made += 1) {
    const hours = Array.from({ length: chance.between(1, 8) }, (_, hour_at) => ({ hour_at, units: 0 }));
    const most = chance.draw() < 0.3 ? chance.between(0, 120) : null;
    const sent: HourUnits[] = [];
    let highest = 0;
    let hasShrunk = false;
    for (let round = 0; round < chance.between(1, 5); round += 1) {
      for (const hour of hours) {
        const more = chance.draw() < 0.1 ? -chance.between(0, 3) : chance.between(0, 12);
        if (more < 0 && hour.units > 0) hasShrunk = true;
        hour.units = Math.max(0, hour.units + more);
      }
      const total = hours.reduce((sum, { units }) => sum + units, 0);
      const due = Math.min(total, most ?? total);
      highest = Math.max(highest, due);
      const counted = hours.map(({ hour_at, units }) => ({ hour_at, quantity: String(units) }));
      const next = unitsToSend(counted, sent, most);
      sent.push(...next);
      counts.events_sent += next.length;
      const all = sent.reduce((sum, { units }) => sum + units, 0);
      if (all > highest) fault(`${all} units were sent of ${highest}`);
      if (all < due || (!hasShrunk && all !== due)) fault(`${all} units were sent where ${due} are owed`);
      if (unitsToSend(counted, sent, most).length > 0) fault('what was sent is sent again');
    }
    const usage = anyUsage('m0');
    const units = sent.reduce((sum, each) => sum + each.units, 0);
    if (meteredMinor([{ usage, units }]) !== ratedByUnit(usage, units)) fault(`${units} are rated otherwise at Stripe`);
  }
  return counts;
}

function anyUsage(meter_id: string): PricedUsage {
  const minimum = chance.draw() < 0.4 ? { minimum_minor: chance.between(1, 900) } : {};
  return {
    meter_id,
    included: chance.between(0, 40),
    quota: 'soft',
    interval: 'month',
    overage: anyPrice(chance),
    ...minimum,
  };
}
