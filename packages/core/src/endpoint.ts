import type { RateLimit } from './plan.ts';
import { longestWindowMs, windowMsOf } from './window-name.ts';

/** What one operation of the seller's API costs and needs, from its OpenAPI document. */
export interface Endpoint {
  /** `GET /v1/forecast/{city}`: how usage names it. */
  name: string;
  method: string;
  /** The path's segments; null for a parameter. */
  segments: readonly (string | null)[];
  /** Units; null: what a request costs otherwise. */
  cost: number | null;
  /** What the key must be good for; null: nothing. */
  scope: string | null;
  /** The meter it uses; null: what a request uses otherwise. */
  meter_id: string | null;
  /** Of each customer on this endpoint, beside those of the plan. */
  limits: RateLimit[];
}

export interface EndpointTable {
  endpoints: readonly Endpoint[];
  faults: readonly { path: string; message: string }[];
}

const methods = new Set(['get', 'put', 'post', 'delete', 'options', 'head', 'patch', 'trace']);
const mostCost = 1_000_000;

/**
 * Reads `x-farebox-cost`, `x-farebox-scope`, `x-farebox-meter` and `x-farebox-limits` of every operation of an OpenAPI 3 document; on a path item they
 * hold for all its operations. Server URLs with a path are the start of every path. All faults at once.
 */
export function readEndpoints(document: unknown): EndpointTable {
  const faults: { path: string; message: string }[] = [];
  const endpoints: Endpoint[] = [];
  const paths = isRecord(document) ? document['paths'] : undefined;
  if (!isRecord(document) || !isRecord(paths)) return { endpoints, faults: [{ path: 'paths', message: 'is missing' }] };
  const base = basePath(document['servers']);
  for (const [template, item] of Object.entries(paths)) {
    const segments = segmentsOf(base + template);
    if (segments === null || !isRecord(item)) {
      faults.push({ path: `paths.${template}`, message: 'is not a path that requests can have' });
      continue;
    }
    for (const [method, operation] of Object.entries(item)) {
      if (!methods.has(method) || !isRecord(operation)) continue;
      const at = `paths.${template}.${method}`;
      const said = (name: string) => operation[name] ?? item[name];
      const { cost, scope, meter_id, limits } = readExtensions(said, (field, message) =>
        faults.push({ path: `${at}.${field}`, message }),
      );
      const name = `${method.toUpperCase()} ${base}${template}`;
      endpoints.push({ name, method: method.toUpperCase(), segments, cost, scope, meter_id, limits });
    }
  }
  return { endpoints, faults };
}

function readExtensions(said: (name: string) => unknown, fault: (field: string, message: string) => void) {
  const cost = said('x-farebox-cost') ?? null;
  const scope = said('x-farebox-scope') ?? null;
  const isCost = typeof cost === 'number' && Number.isInteger(cost) && cost >= 0 && cost <= mostCost;
  if (cost !== null && !isCost) fault('x-farebox-cost', `must be a whole number from 0 to ${mostCost}`);
  const isScope = typeof scope === 'string' && /^[a-z0-9][a-z0-9:._-]{0,63}$/.test(scope);
  if (scope !== null && !isScope) fault('x-farebox-scope', 'must be in small letters, digits and : . _ -');
  const meter = said('x-farebox-meter') ?? null;
  const isMeter = typeof meter === 'string' && /^[a-z][a-z0-9_]{0,39}$/.test(meter);
  if (meter !== null && !isMeter) fault('x-farebox-meter', 'must be the id of a meter');
  const list = said('x-farebox-limits') ?? [];
  const limits: RateLimit[] = [];
  if (!Array.isArray(list)) fault('x-farebox-limits', 'must be a list');
  else for (const entry of list) limits.push(...readLimit(entry, fault));
  return { cost: isCost ? cost : null, scope: isScope ? scope : null, meter_id: isMeter ? meter : null, limits };
}

function readLimit(entry: unknown, fault: (field: string, message: string) => void): RateLimit[] {
  const { limit, window }: { limit?: unknown; window?: unknown } = isRecord(entry) ? entry : {};
  const window_ms = typeof window === 'string' ? windowMsOf(window) : null;
  if (
    typeof limit === 'number' &&
    Number.isInteger(limit) &&
    limit > 0 &&
    window_ms !== null &&
    window_ms <= longestWindowMs
  )
    return [{ name: String(window), limit, window_ms }];
  fault('x-farebox-limits', "must be entries like { limit: 5, window: '1s' }, of at most 31 days");
  return [];
}

/** The path of the first server's URL; most documents name a host alone. */
function basePath(servers: unknown): string {
  const [first]: unknown[] = Array.isArray(servers) ? servers : [];
  const url = isRecord(first) && typeof first['url'] === 'string' ? first['url'] : '';
  const path = url.replace(/^[a-z]+:\/\/[^/]*/i, '').replace(/[?#].*$/, '');
  return path.startsWith('/') ? path.replace(/\/+$/, '') : '';
}

function segmentsOf(template: string): (string | null)[] | null {
  const canonical = canonicalPath(template.replace(/\{[^/{}]+\}/g, '0'));
  if (canonical === null) return null;
  const parts = template.split('/').slice(1);
  const isParameter = (part: string) => /^\{[^/{}]+\}$/.test(part);
  if (parts.some((part) => /[{}]/.test(part) && !isParameter(part))) return null;
  return parts.map((part) => (isParameter(part) ? null : part));
}

/** What most paths are, and what is in its one form already: segments that begin with no dot, of unreserved characters. */
const plainPath = /^(?:\/[\w~-][\w.~-]*)+$/;

/**
 * A path in the one form that every reader understands the same way, without its query: percent-escapes of unreserved characters
 * decoded (RFC 3986, 6.2.2). Null for what two readers may understand differently, and what is matched here might not be what is
 * served there: dot segments, empty segments, an escaped slash, backslash, percent or control character, a broken escape, a
 * parameter after `;`.
 */
export function canonicalPath(target: string): string | null {
  if (plainPath.test(target)) return target;
  const end = target.search(/[?#]/);
  const path = end === -1 ? target : target.slice(0, end);
  if (!/^\/[\x21-\x7e]*$/.test(path) || /[\\;]/.test(path)) return null;
  if (!/^(?:[^%]|%[0-9A-Fa-f]{2})*$/.test(path)) return null;
  let isBad = false;
  const decoded = path.replace(/%([0-9A-Fa-f]{2})/g, (escape: string, digits: string) => {
    const code = Number.parseInt(digits, 16);
    const character = String.fromCharCode(code);
    if (/[A-Za-z0-9\-._~]/.test(character)) return character;
    if (code < 0x20 || code === 0x7f || /[/\\%;?#]/.test(character)) isBad = true;
    return escape.toUpperCase();
  });
  const segments = decoded.split('/').slice(1);
  const hasEmpty =
    segments.slice(0, -1).includes('') || (segments.length > 1 && segments.at(-1) === '' && decoded.endsWith('//'));
  if (isBad || hasEmpty || segments.some((segment) => segment === '.' || segment === '..')) return null;
  return decoded;
}

/** Finds the operation of a request; a literal segment comes before a parameter, so that the most exact one is found. */
export function createEndpointMatch(endpoints: readonly Endpoint[]): (method: string, path: string) => Endpoint | null {
  const root = createNode();
  for (const endpoint of endpoints) {
    let node = root;
    for (const segment of endpoint.segments) {
      if (segment === null) node = node.parameter ??= createNode();
      else {
        const next = node.literals.get(segment) ?? createNode();
        node.literals.set(segment, next);
        node = next;
      }
    }
    if (!node.methods.has(endpoint.method)) node.methods.set(endpoint.method, endpoint);
  }
  return (method, path) => find(root, path.split('/').slice(1), 0, method);
}

interface Node {
  literals: Map<string, Node>;
  parameter: Node | null;
  methods: Map<string, Endpoint>;
}

function createNode(): Node {
  return { literals: new Map(), parameter: null, methods: new Map() };
}

/** As deep as the path is long, and each parameter is tried once a level: bounded by the document, not by the request. */
function find(node: Node, segments: readonly string[], depth: number, method: string): Endpoint | null {
  const segment = segments[depth];
  if (segment === undefined)
    return node.methods.get(method) ?? (method === 'HEAD' ? node.methods.get('GET') : null) ?? null;
  const literal = node.literals.get(segment);
  const exact = literal === undefined ? null : find(literal, segments, depth + 1, method);
  if (exact !== null || node.parameter === null || segment === '') return exact;
  return find(node.parameter, segments, depth + 1, method);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
