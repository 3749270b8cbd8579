import responses from '../vectors/responses.json' with { type: 'json' };

type Shapes = Record<string, Record<string, string[]>>;

const shapes: Shapes = responses.shapes;
const objects: Record<string, string> = responses.objects;

/** Passes an answer on; throws when it is a success with anything in it that the SDK's types do not allow. */
export async function holdToContract(request: Request, response: Response): Promise<Response> {
  if (!response.ok || response.headers.get('content-type')?.startsWith('application/json') !== true) return response;
  const faults = faultsOf(await response.clone().json());
  if (faults.length === 0) return response;
  throw new Error(`${request.method} ${request.url} answered\n${faults.join('\n')}`);
}

/** Everything in an answer that the official SDK's types do not allow, each with its path. */
export function faultsOf(answer: unknown, path = ''): string[] {
  if (!isRecord(answer)) return [`${path}: no object`];
  const object = String(answer['object']);
  if (object === 'list' || object === 'search_result') return faultsOfPage(answer, path);
  const shape = objects[answer['deleted'] === true ? `${object}:deleted` : object];
  return shape === undefined ? [] : faultsOfRecord(answer, shape, `${path}${object}`);
}

function faultsOfPage(page: Record<string, unknown>, path: string): string[] {
  const data = page['data'];
  if (!Array.isArray(data)) return [`${path}.data: no list`];
  return data.flatMap((each, index) => faultsOf(each, `${path}[${index}] `));
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
  if (type.startsWith('# '))
    return value['object'] === type.slice(2).replace(':deleted', '') ? faultsOf(value, `${path} `) : fault;
  return faultsOfRecord(value, type.slice(2), path);
}

function show(value: unknown): string {
  return (JSON.stringify(value) ?? 'undefined').slice(0, 60);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
