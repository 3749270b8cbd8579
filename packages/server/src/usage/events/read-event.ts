import type { Instant } from '@farebox/core';
import { type Properties, type Rejection, type SentEvent, mostQuantity } from './event.ts';

/** An event in Farebox's own form, or in that of CloudEvents 1.0 (https://github.com/cloudevents/spec), which names its version. */
export type ReadEvent = SentEvent | Rejection;

const own = new Set([
  'id',
  'source',
  'type',
  'customer_id',
  'external_id',
  'quantity',
  'occurred_at',
  'key_id',
  'endpoint',
  'properties',
]);
const mostProperties = 50;
const mostValue = 500;
const propertyName = /^[A-Za-z_][\w.-]{0,39}$/;
const typeShape = /^[\w./:-]{1,100}$/;
const keyShape = /^key_\w{1,60}$/;
// oxlint-disable-next-line no-control-regex -- refusing control characters is the point
const control = /[\u0000-\u001f\u007f]/;

/** What somebody sent, judged by itself. Never throws. */
export function readEvent(value: unknown, now: Instant): ReadEvent {
  if (!isObject(value)) return fault('must be an object');
  return value['specversion'] === undefined ? readOwn(value, now) : readCloudEvent(value, now);
}

export function isRejection<T extends object>(read: T | Rejection): read is Rejection {
  return 'reason' in read;
}

function readOwn(value: Record<string, unknown>, now: Instant): ReadEvent {
  for (const name in value)
    if (!own.has(name)) return fault(`${name.slice(0, 60)}: is not known; known: ${[...own].join(', ')}`);
  const { customer_id, external_id } = value;
  if ((customer_id === undefined) === (external_id === undefined))
    return fault('customer_id: say whose it is, by customer_id or by external_id');
  const name = customer_id ?? external_id;
  if (!isText(name, 200))
    return fault(`${customer_id === undefined ? 'external_id' : 'customer_id'}: ${textRule(200)}`);
  return built(value, value['properties'] ?? {}, now, {
    customer: { by: customer_id === undefined ? 'external_id' : 'id', name },
    at: { name: 'occurred_at', value: value['occurred_at'] },
    quantity: value['quantity'],
    key_id: value['key_id'],
    endpoint: value['endpoint'],
  });
}

/** `subject` is the customer, `time` when it occurred, `data` the properties with quantity, key_id and endpoint among them. */
function readCloudEvent(value: Record<string, unknown>, now: Instant): ReadEvent {
  if (value['specversion'] !== '1.0') return fault("specversion: must be '1.0'");
  if (!isText(value['source'], 200)) return fault(`source: ${textRule(200)}`);
  const { subject } = value;
  if (!isText(subject, 200))
    return fault(`subject: must be the customer, by Farebox's id or your own; ${textRule(200)}`);
  const data = value['data'] ?? {};
  if (!isObject(data)) return fault('data: must be an object');
  const { quantity, key_id, endpoint, ...properties } = data;
  return built(value, properties, now, {
    customer: { by: 'either', name: subject },
    at: { name: 'time', value: value['time'] },
    quantity,
    key_id,
    endpoint,
  });
}

interface Parts {
  customer: SentEvent['customer'];
  at: { name: string; value: unknown };
  quantity: unknown;
  key_id: unknown;
  endpoint: unknown;
}

function built(value: Record<string, unknown>, given: unknown, now: Instant, parts: Parts): ReadEvent {
  const { id, type, source = '' } = value;
  const { quantity = 1, key_id = null, endpoint = '', at } = parts;
  if (!isText(id, 200))
    return fault(`id: ${textRule(200)}. It makes a repetition known; without one it would count twice`);
  if (typeof type !== 'string' || !typeShape.test(type))
    return fault('type: must be 1 to 100 of letters, digits and . _ / : -');
  if (source !== '' && !isText(source, 200)) return fault(`source: ${textRule(200)}`);
  if (typeof quantity !== 'number' || !Number.isInteger(quantity) || quantity < 0 || quantity > mostQuantity)
    return fault(`quantity: must be a whole number from 0 to ${mostQuantity}`);
  if (key_id !== null && (typeof key_id !== 'string' || !keyShape.test(key_id)))
    return fault("key_id: must be the id of a key, like 'key_…'");
  if (endpoint !== '' && !isText(endpoint, 200)) return fault(`endpoint: ${textRule(200)}`);
  const properties = readProperties(given);
  if (typeof properties === 'string') return fault(properties);
  const occurred_at = at.value === undefined ? now : instantOf(at.value);
  if (occurred_at === null)
    return fault(`${at.name}: must be a time with its zone in ISO 8601, like 2026-11-30T12:00:00Z`);
  return {
    id,
    source,
    type,
    customer: parts.customer,
    quantity,
    occurred_at,
    is_dated: at.value !== undefined,
    key_id,
    endpoint,
    properties,
  };
}

/** What is wrong with properties; null: nothing. */
export function propertiesFault(value: unknown): string | null {
  const read = readProperties(value);
  return typeof read === 'string' ? read : null;
}

/** Flat, of texts, numbers and yes or no; null is as good as left out. A text where it cannot be taken. */
function readProperties(value: unknown): Properties | string {
  if (!isObject(value)) return 'properties: must be an object';
  const read: Properties = {};
  let count = 0;
  for (const name in value) {
    const each = value[name];
    if (each === null) continue;
    const place = `properties.${name.slice(0, 60)}`;
    if (!propertyName.test(name) || name === '__proto__')
      return `${place}: is no name: a letter, then letters, digits and . _ -, at most 40`;
    count += 1;
    if (count > mostProperties) return `properties: at most ${mostProperties}`;
    if (typeof each === 'string' && (each.length > mostValue || control.test(each) || !each.isWellFormed()))
      return `${place}: must be text of at most ${mostValue} characters in one line`;
    if (typeof each !== 'string' && typeof each !== 'number' && typeof each !== 'boolean')
      return `${place}: must be a text, a number, true or false`;
    read[name] = each;
  }
  return read;
}

const instantShape = /^(\d{4})-(\d\d)-(\d\d)[Tt]\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:[Zz]|[+-]\d\d:\d\d)$/;

/** Null for what is no instant; a day its month does not have is none. */
function instantOf(value: unknown): Instant | null {
  const match = typeof value === 'string' ? instantShape.exec(value) : null;
  if (match === null || typeof value !== 'string') return null;
  const [, year, month, day] = match;
  // Every month has the first 28.
  if (Number(day) > 28 && Number(day) > new Date(Date.UTC(Number(year), Number(month), 0)).getUTCDate()) return null;
  const at = Date.parse(value);
  return Number.isNaN(at) || Number(day) === 0 ? null : at;
}

function isText(value: unknown, most: number): value is string {
  return (
    typeof value === 'string' && value !== '' && value.length <= most && !control.test(value) && value.isWellFormed()
  );
}

function textRule(most: number): string {
  return `must be text of 1 to ${most} characters in one line`;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function fault(reason: string): Rejection {
  return { code: 'invalid_event', reason: `${reason}.` };
}
