import { invalidParam } from '../api-error.ts';
import type { FormHash, FormValue } from '../form.ts';
import { BASIL, CLOVER, DAHLIA, ENDIVE, isBefore } from './versions.ts';

/**
 * What older API versions called differently, said in today's words, for a request that asks for such a version. What has
 * no counterpart today is left for the contract to refuse.
 * https://docs.stripe.com/changelog
 */

/** What translating needs to know of the state: how a price recurs. */
export type Recurring = (price: string) => { interval: string; interval_count: number } | null;

interface Rule {
  /** The first version that has today's words. */
  until: string;
  routes: RegExp;
  translate(hash: FormHash, recurring: Recurring): void;
}

function isHash(value: FormValue | undefined): value is FormHash {
  return typeof value === 'object' && !Array.isArray(value);
}

function move(hash: FormHash, from: string, to: (value: FormValue) => Record<string, FormValue>): void {
  const value = hash[from];
  if (value === undefined) return;
  delete hash[from];
  for (const [name, each] of Object.entries(to(value))) hash[name] ??= each;
}

/** Cards are what there is; a list that does not name them asks for what is not. */
function takeMethodTypes(hash: FormHash): void {
  const types = hash['payment_method_types'];
  if (!Array.isArray(types)) return;
  if (!types.includes('card')) throw invalidParam('The sandbox takes cards only.', 'payment_method_types');
  delete hash['payment_method_types'];
}

function takeAnchor(hash: FormHash): void {
  const anchor = hash['billing_cycle_anchor'];
  if (anchor === 'now' || anchor === 'unchanged') hash['billing_cycle_anchor'] = { type: anchor };
  if (isHash(hash['subscription_details'])) takeAnchor(hash['subscription_details']);
}

function takeMode(hash: FormHash): void {
  const modes: Record<string, string> = { custom: 'elements', embedded: 'embedded_page', hosted: 'hosted_page' };
  const mode = hash['ui_mode'];
  if (typeof mode === 'string' && Object.hasOwn(modes, mode)) hash['ui_mode'] = modes[mode] ?? mode;
}

/** `coupon` and `promotion_code`, where `discounts` stand today; an empty one took the discount away. */
function takeCoupon(hash: FormHash): void {
  for (const name of ['coupon', 'promotion_code']) {
    move(hash, name, (value) => ({ discounts: value === '' ? '' : [{ [name]: value }] }));
  }
}

function takeIterations(phase: FormHash, recurring: Recurring): void {
  const [first] = Array.isArray(phase['items']) ? phase['items'] : [];
  const price = isHash(first) ? first['price'] : undefined;
  const every = typeof price === 'string' ? recurring(price) : null;
  if (every === null) return;
  move(phase, 'iterations', (count) => ({
    duration: { interval: every.interval, interval_count: String(Number(count) * every.interval_count) },
  }));
}

function phasesOf(hash: FormHash): FormHash[] {
  return Array.isArray(hash['phases']) ? hash['phases'].filter(isHash) : [];
}

/** `subscription_items` and the like, which are `subscription_details` of a preview. */
function takeUpcoming(hash: FormHash): void {
  takeCoupon(hash);
  const details: FormHash = isHash(hash['subscription_details']) ? hash['subscription_details'] : {};
  for (const [name, value] of Object.entries(hash)) {
    const inner = name.replace(/^subscription_/, '');
    if (inner === name || inner === 'details') continue;
    delete hash[name];
    details[inner] ??= value;
  }
  if (Object.keys(details).length > 0) hash['subscription_details'] = details;
}

const PREVIEW = 'POST /v1/invoices/create_preview';

const rules: readonly Rule[] = [
  {
    until: ENDIVE,
    routes: /^POST \/v1\/(checkout\/sessions|payment_intents|setup_intents)(\/\{id\}(\/confirm)?)?$/,
    translate: takeMethodTypes,
  },
  {
    until: BASIL,
    routes: /^POST \/v1\/invoices\/create_preview$/,
    translate: takeUpcoming,
  },
  {
    until: ENDIVE,
    routes: /^POST \/v1\/(subscriptions\/\{id\}(\/resume)?|invoices\/create_preview)$/,
    translate: takeAnchor,
  },
  { until: DAHLIA, routes: /^POST \/v1\/checkout\/sessions$/, translate: takeMode },
  {
    until: CLOVER,
    routes: /^POST \/v1\/promotion_codes$/,
    translate: (hash) => move(hash, 'coupon', (coupon) => ({ promotion: { type: 'coupon', coupon } })),
  },
  {
    until: CLOVER,
    routes: /^POST \/v1\/subscription_schedules(\/\{id\})?$/,
    translate: (hash, recurring) => phasesOf(hash).forEach((phase) => takeIterations(phase, recurring)),
  },
  { until: BASIL, routes: /^POST \/v1\/subscriptions(\/\{id\})?$/, translate: takeCoupon },
  {
    until: BASIL,
    routes: /^POST \/v1\/subscription_schedules(\/\{id\})?$/,
    translate: (hash) => phasesOf(hash).forEach(takeCoupon),
  },
  {
    // Flexible billing is what clover made the default; before, nobody got it who did not ask.
    until: CLOVER,
    routes: /^POST \/v1\/subscriptions$/,
    translate: (hash) => void (hash['billing_mode'] ??= { type: 'classic' }),
  },
];

/** The route that answers what an older one answered: `[method, path]`. */
export function modernPath(version: string, method: string, path: string): [string, string] {
  const is_upcoming = method === 'GET' && path === '/v1/invoices/upcoming' && isBefore(version, BASIL);
  return is_upcoming ? ['POST', PREVIEW.slice(5)] : [method, path];
}

/** Says the parameters of a request in the words of today. */
export function modernize(version: string, route: string, hash: FormHash, recurring: Recurring): void {
  for (const rule of rules) {
    if (isBefore(version, rule.until) && rule.routes.test(route)) rule.translate(hash, recurring);
  }
}
