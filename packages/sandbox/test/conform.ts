import { API_VERSION } from '../src/contract/wire.ts';
import responses from '../vectors/responses.json' with { type: 'json' };

type Shapes = Record<string, Record<string, string[]>>;

const shapes: Shapes = responses.shapes;
const objects: Record<string, string> = responses.objects;

/**
 * Throws when an answer of the API has anything in it that the SDK's types do not allow, or lacks what they promise; a refusal
 * when it is not told as Stripe tells one.
 */
export async function holdToContract(request: Request, response: Response): Promise<void> {
  // The types are those of one version.
  const asked = request.headers.get('stripe-version') ?? API_VERSION;
  if (response.status === 204 || asked !== API_VERSION) return;
  const answer: unknown = await response.clone().json();
  note(answer);
  const faults = response.ok ? faultsOf(answer) : faultsOfRefusal(answer, response);
  for (const header of ['request-id', 'stripe-version']) {
    if (!response.headers.has(header)) faults.push(`no ${header}`);
  }
  if (faults.length > 0) throw new Error(`${request.method} ${request.url} answered\n${faults.join('\n')}`);
}

/** Of every object that an answer held, its fields, and whether one of them was ever set. */
const seen = new Map<string, Map<string, boolean>>();

/** From here on answers count: who asks what was seen is not alone in its process. */
export function forget(): void {
  seen.clear();
}

/** Notes which fields of which objects an answer has and sets. */
function note(value: unknown): void {
  if (Array.isArray(value)) for (const each of value) note(each);
  if (!isRecord(value)) return;
  const { object, deleted } = value;
  if (typeof object === 'string' && deleted !== true && objects[object] !== undefined) {
    const fields = seen.get(object) ?? new Map<string, boolean>();
    seen.set(object, fields);
    for (const [name, each] of Object.entries(value)) fields.set(name, each !== null || fields.get(name) === true);
  }
  for (const each of Object.values(value)) note(each);
}

/** Of every object, how many fields it has, and those that no answer so far has set. */
export function unseen(): Record<string, { count: number; unset: string[] }> {
  const live = Object.entries(objects).filter(([object]) => !object.endsWith(':deleted'));
  return Object.fromEntries(
    live.map(([object, shape]) => {
      const names = Object.keys(shapes[shape] ?? {}).map((name) => name.replace('?', ''));
      return [object, { count: names.length, unset: names.filter((name) => seen.get(object)?.get(name) !== true) }];
    }),
  );
}

/** The fields, set or null, that the answers so far had of an object; none of one that no answer held. */
export function shown(object: string): string[] {
  return [...(seen.get(object)?.keys() ?? [])];
}

/** Everything in an answer that the official SDK's types do not allow, each with its path. */
export function faultsOf(answer: unknown, path = ''): string[] {
  if (!isRecord(answer)) return [`${path}: no object`];
  const { object } = answer;
  if (object === undefined) return faultsOfV2Page(answer, path);
  if (typeof object !== 'string') return [`${path}object: ${show(object)}`];
  if (object === 'list' || object === 'search_result') return faultsOfPage(answer, path);
  // Of what was deleted API v2 answers this much and no more.
  if (object.startsWith('v2.') && Object.keys(answer).toSorted().join(' ') === 'id object') return [];
  const shape = objects[answer['deleted'] === true ? `${object}:deleted` : object];
  if (shape === undefined) return [`${path}: the API has no ${object}`];
  const faults = faultsOfRecord(answer, shape, `${path}${object}`);
  return object === 'event' ? [...faults, ...faultsOfEvent(answer, path)] : faults;
}

/** `previous_attributes` are fields that the object has, or may have. */
function faultsOfEvent(event: Record<string, unknown>, path: string): string[] {
  const data = event['data'];
  if (!isRecord(data) || !isRecord(data['object'])) return [`${path}event.data.object: no object`];
  const before = data['previous_attributes'];
  if (before === undefined) return [];
  const shape = shapes[objects[String(data['object']['object'])] ?? ''] ?? {};
  if (!isRecord(before)) return [`${path}event.data.previous_attributes: no object`];
  return Object.keys(before)
    .filter((key) => shape[key] === undefined && shape[`${key}?`] === undefined)
    .map((key) => `${path}event.data.previous_attributes.${key}: not in the API`);
}

/** What the `error` of a refusal may hold, as the SDK's `StripeRawError` has it. */
const refusals = `advice_code charge code decline_code doc_url message network_advice_code network_decline_code param
  payment_intent payment_method payment_method_type request_log_url setup_intent source type`.split(/\s+/);
const kinds = /^(api_error|card_error|idempotency_error|invalid_request_error|temporary_session_expired)$/;

function faultsOfRefusal(answer: unknown, response: Response): string[] {
  const error = isRecord(answer) ? answer['error'] : undefined;
  if (!isRecord(error)) return ['no error'];
  const faults = Object.keys(error)
    .filter((key) => !refusals.includes(key))
    .map((key) => `error.${key}: not in the API`);
  if (!kinds.test(String(error['type']))) faults.push(`error.type: ${show(error['type'])}`);
  if (typeof error['message'] !== 'string' || error['message'] === '') faults.push('error.message: no text');
  if ((error['code'] === undefined) !== (error['doc_url'] === undefined)) faults.push('error.code without doc_url');
  const log = error['request_log_url'];
  if (typeof log !== 'string' || !log.endsWith(`=${response.headers.get('request-id')}`)) {
    faults.push(`error.request_log_url: ${show(log)}`);
  }
  for (const key of ['payment_intent', 'payment_method', 'setup_intent']) {
    if (error[key] !== undefined) faults.push(...faultsOf(error[key], `error.${key} `));
  }
  return faults;
}

/** Of API v2: a page, or an answer of nothing. */
function faultsOfV2Page(page: Record<string, unknown>, path: string): string[] {
  const { data, next_page_url, previous_page_url, ...rest } = page;
  const faults = Object.keys(rest).map((key) => `${path}${key}: no object, no page`);
  if (data === undefined) return faults;
  for (const [name, url] of Object.entries({ next_page_url, previous_page_url })) {
    if (url !== null && typeof url !== 'string') faults.push(`${path}${name}: ${show(url)}`);
  }
  if (!Array.isArray(data)) return [...faults, `${path}data: no list`];
  return [...faults, ...data.flatMap((each, index) => faultsOf(each, `${path}[${index}] `))];
}

function faultsOfPage(page: Record<string, unknown>, path: string): string[] {
  const { object, data, has_more, url, ...rest } = page;
  const faults = Object.keys(rest)
    .filter((key) => key !== 'total_count' && !(key === 'next_page' && object === 'search_result'))
    .map((key) => `${path}.${key}: not in the API`);
  if (typeof has_more !== 'boolean') faults.push(`${path}.has_more: ${show(has_more)}`);
  if (typeof url !== 'string' || !/^\/v[12]\//.test(url)) faults.push(`${path}.url: ${show(url)}`);
  if (!Array.isArray(data)) return [...faults, `${path}.data: no list`];
  return [...faults, ...data.flatMap((each, index) => faultsOf(each, `${path}[${index}] `))];
}

function faultsOfRecord(record: Record<string, unknown>, name: string, path: string): string[] {
  const shape = shapes[name] ?? {};
  const faults: string[] = [];
  for (const key of Object.keys(shape)) {
    if (!key.endsWith('?') && !(key in record)) faults.push(`${path}.${key}: missing`);
  }
  for (const [key, value] of Object.entries(record)) {
    const types = shape[key] ?? shape[`${key}?`];
    if (types === undefined) faults.push(`${path}.${key}: not in the API`);
    else faults.push(...faultsOfValue(value, types, `${path}.${key}`));
  }
  return faults;
}

/** The fewest faults that any member of the union finds; lists and maps of a union are one member each. */
function faultsOfValue(value: unknown, types: readonly string[], path: string): string[] {
  if (Array.isArray(value) && types.some((type) => type.startsWith('[] '))) {
    const inner = innerOf(types, '[] ');
    return value.flatMap((each, at) => faultsOfValue(each, inner, `${path}[${at}]`));
  }
  let least: string[] | null = null;
  for (const type of types) {
    const faults = faultsOfType(value, type, path);
    if (faults.length === 0) return [];
    if (least === null || faults.length < least.length) least = faults;
  }
  if (least === null) return typeof value === 'string' ? [] : [`${path}: ${show(value)} is no text`];
  return least.length > 1 || types.length === 1 ? least : [`${path}: ${show(value)} is none of ${types.join(' ')}`];
}

function innerOf(types: readonly string[], mark: string): string[] {
  return types.flatMap((type) => (type.startsWith(mark) ? [type.slice(mark.length)] : []));
}

function faultsOfType(value: unknown, type: string, path: string): string[] {
  const fault = [`${path}: ${show(value)} is not ${type}`];
  // What the SDK leaves open, an event's object for one, says itself what it is.
  if (type === 'any')
    return isRecord(value) && objects[String(value['object'])] !== undefined ? faultsOf(value, `${path} `) : [];
  if (type === 'null') return value === null ? [] : fault;
  if (type.startsWith("'")) return value === type.slice(1) ? [] : fault;
  if (type === 'string' || type === 'number' || type === 'boolean') return typeof value === type ? [] : fault;
  if (type.startsWith('[] ')) return fault;
  if (!isRecord(value)) return fault;
  if (type.startsWith('{} '))
    return Object.entries(value).flatMap(([key, each]) => faultsOfValue(each, [type.slice(3)], `${path}.${key}`));
  if (type.startsWith('list ')) return value['object'] === 'list' ? faultsOfPage(value, path) : fault;
  if (type.startsWith('# ')) {
    const is_it = value['object'] === type.slice(2).replace(':deleted', '');
    return is_it && (value['deleted'] === true) === type.endsWith(':deleted') ? faultsOf(value, `${path} `) : fault;
  }
  return faultsOfRecord(value, type.slice(2), path);
}

function show(value: unknown): string {
  return (JSON.stringify(value) ?? 'undefined').slice(0, 60);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
