import type { Json, JsonObject } from '../contract/json.ts';

/** One field in which two answers to the same call differ. Values are written without secrets. */
export interface Difference {
  path: string;
  says: 'only at Stripe' | 'only in the sandbox' | 'another type' | 'another value' | 'another length';
  stripe: string | null;
  sandbox: string | null;
}

/** What two accounts never share: compared by being there, and written as `***`. */
const secret_keys: ReadonlySet<string> = new Set([
  'client_secret',
  'fingerprint',
  'idempotency_key',
  'invoice_prefix',
  'number',
  'receipt_number',
  'request',
  'secret',
]);

/** Two runs do not happen in the same second. */
const TOLERANCE_SECONDS = 300;

function isObject(value: Json): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function kindOf(value: Json): string {
  if (value === null) return 'null';
  return Array.isArray(value) ? 'list' : typeof value;
}

/** The beginning of an id, or what else makes two texts of different accounts the same. */
function shapeOf(text: string): string {
  if (/^https?:/.test(text)) return 'an address';
  const id = /^((?:[a-z]{2,}_)+)(?:test_)?[A-Za-z0-9]{8,}$/.exec(text);
  return id === null ? text : `${id[1]}…`;
}

/** A value as it may be printed. */
function masked(key: string, value: Json): string {
  if (secret_keys.has(key) && value !== null) return '***';
  const text = JSON.stringify(value) ?? 'nothing';
  const hidden = text.replaceAll(/\b(?:sk|rk|pk)_(?:test|live)_\w+|\bwhsec_\w+|\w+_secret_\w+/g, '***');
  return hidden.length > 100 ? `${hidden.slice(0, 97)}…` : hidden;
}

function areTimes(one: number, other: number): boolean {
  return Math.min(one, other) > 1_000_000_000 && Math.abs(one - other) <= TOLERANCE_SECONDS;
}

function isSame(key: string, stripe: Json, sandbox: Json): boolean {
  if (stripe === sandbox || secret_keys.has(key)) return true;
  if (typeof stripe === 'number' && typeof sandbox === 'number') return areTimes(stripe, sandbox);
  return typeof stripe === 'string' && typeof sandbox === 'string' && shapeOf(stripe) === shapeOf(sandbox);
}

function compareLists(path: string, stripe: Json[], sandbox: Json[]): Difference[] {
  const differences = stripe
    .slice(0, sandbox.length)
    .flatMap((each, index) => compare(each, sandbox[index], `${path}[${index}]`));
  if (stripe.length === sandbox.length) return differences;
  const lengths = { stripe: String(stripe.length), sandbox: String(sandbox.length) };
  return [{ path, says: 'another length', ...lengths }, ...differences];
}

/** Field by field, how the sandbox's answer differs from Stripe's. */
export function compare(stripe: Json, sandbox: Json, path = ''): Difference[] {
  const key = path.slice(path.lastIndexOf('.') + 1).replace(/\[\d+\]$/, '');
  if (isObject(stripe) && isObject(sandbox)) {
    const names = [...new Set([...Object.keys(stripe), ...Object.keys(sandbox)])];
    return names.flatMap((name): Difference[] => {
      const inner = path === '' ? name : `${path}.${name}`;
      if (!Object.hasOwn(sandbox, name)) {
        return [{ path: inner, says: 'only at Stripe', stripe: masked(name, stripe[name]), sandbox: null }];
      }
      if (!Object.hasOwn(stripe, name)) {
        return [{ path: inner, says: 'only in the sandbox', stripe: null, sandbox: masked(name, sandbox[name]) }];
      }
      return compare(stripe[name], sandbox[name], inner);
    });
  }
  if (Array.isArray(stripe) && Array.isArray(sandbox)) return compareLists(path, stripe, sandbox);
  const values = { stripe: masked(key, stripe), sandbox: masked(key, sandbox) };
  if (kindOf(stripe) !== kindOf(sandbox)) return [{ path, says: 'another type', ...values }];
  return isSame(key, stripe, sandbox) ? [] : [{ path, says: 'another value', ...values }];
}
