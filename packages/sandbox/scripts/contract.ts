/**
 * Writes src/contract/contract.json from the installed official SDK: what every parameter of the routes we build may be,
 * and the paths of all others. Run it after a change of the SDK or of a route: `npm run contract`.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { builtRoutes } from '../src/http/routes.ts';
import { responses } from './responses.ts';
import { type Declarations, declarationsOf, filesBelow, resources, unionOf, version } from './declarations.ts';

/** As `Kind` in src/contract/contract.ts, which explains it. */
type Kind = string | [Kind] | { [name: string]: Kind };

/** A type name that one file uses, where it stands. */
interface Place {
  declarations: Declarations;
  scope: string;
}

const shared = declarationsOf(readFileSync(join(resources, '..', 'shared.d.ts'), 'utf8'), '');

/** Numbers with a fraction; the types call every number the same. */
const fractions: ReadonlySet<string> = new Set([
  'amount_percent',
  'application_fee_percent',
  'height',
  'latitude',
  'length',
  'longitude',
  'percent_off',
  'percent_ownership',
  'percentage',
  'ratio',
  'weight',
  'width',
]);

/** The nearest declaration of a name, outwards from where it is used, then what all files share. */
function lookUp(name: string, at: Place): { kind: 'alias' | 'interface'; full: string; place: Place } | null {
  for (const declarations of [at.declarations, shared]) {
    const parts = at.scope === '' || declarations === shared ? [] : at.scope.split('.');
    for (let length = parts.length; length >= 0; length -= 1) {
      const full = [...parts.slice(0, length), name].join('.');
      const place = { declarations, scope: full };
      if (declarations.aliases.has(full)) return { kind: 'alias', full, place };
      if (declarations.interfaces.has(full)) return { kind: 'interface', full, place };
    }
  }
  return null;
}

/** The fields of an interface with those of its parents; what they inherit, Stripe's types list first. */
function fieldsOf(full: string, at: Place): { [name: string]: Kind } {
  const found = at.declarations.interfaces.get(full);
  if (found === undefined) return {};
  const fields: { [name: string]: Kind } = {};
  for (const parent of found.extends) {
    const known = lookUp(parent, at);
    if (known !== null) Object.assign(fields, fieldsOf(known.full, known.place));
  }
  for (const [name, { type, is_optional }] of found.fields) {
    if (name === 'expand') continue;
    const bare = type.replace(/^Emptyable<([\s\S]*)>$/, '$1');
    const is_emptyable = bare !== type || unionOf(type).includes('null');
    for (const old of [name, `${name}*`]) delete fields[old];
    fields[`${name}${is_optional ? '' : '*'}${is_emptyable ? '~' : ''}`] = kindOf(bare, name, {
      declarations: at.declarations,
      scope: full,
    });
  }
  return fields;
}

/** What a type takes. A union of leaves is one text; what may be a leaf or a hash is a hash with the leaf under `''`. */
function kindOf(type: string, name: string, at: Place): Kind {
  // An enum is open for what later versions add; this version takes what it lists.
  const members = unionOf(type).filter((part) => !['null', "''", 'OtherString'].includes(part));
  const kinds = members.map((part) => partOf(part, name, at));
  const leaves = kinds.filter((kind): kind is string => typeof kind === 'string');
  const leaf = [...new Set(leaves.flatMap((each) => each.split('|')))].join('|');
  const others = kinds.filter((kind) => typeof kind !== 'string');
  const [other] = others;
  if (other === undefined) return leaf;
  if (Array.isArray(other)) return other;
  const merged: { [name: string]: Kind } = Object.assign({}, ...others);
  return leaf === '' ? merged : { '': leaf, ...merged };
}

function partOf(part: string, name: string, at: Place): Kind {
  const element = /^Array<([\s\S]*)>$/.exec(part)?.[1];
  if (element !== undefined) return [kindOf(element, name, at)];
  const value = /^\{\s*\[\w+: string\]: ([\s\S]*?);?\s*\}$/.exec(part)?.[1];
  if (value !== undefined) return { '{}': kindOf(value, '', at) };
  if (part === 'number') return fractions.has(name) ? 'number' : 'integer';
  if (/^(string|boolean|'.*')$/.test(part)) return part;
  if (part === 'true' || part === 'false') return 'boolean';
  if (/(^|\.)Decimal$/.test(part)) return 'decimal';
  if (part === 'MetadataParam') return 'metadata';
  const found = lookUp(part, at);
  if (found === null) return 'any';
  if (found.kind === 'alias') {
    const outer = found.full.split('.').slice(0, -1).join('.');
    return kindOf(found.place.declarations.aliases.get(found.full) ?? '', name, { ...found.place, scope: outer });
  }
  return fieldsOf(found.full, found.place);
}

/** `POST /v1/customers/{id}` for every call the SDK can make, with its parameters. */
function routesOf(file: string): Map<string, Kind> {
  const text = readFileSync(file.replace(/\.js$/, '.d.ts'), 'utf8');
  const declarations = declarationsOf(text, file);
  const outer = [...declarations.interfaces.keys()].filter((name) => name.includes('.'));
  const routes = new Map<string, Kind>();
  const call = /^ {4}(\w+)\([^)]*\) \{(?:(?!^ {4}\}).)*?_makeRequest\('(\w+)', (['`])(.*?)\3/gms;
  for (const [, method = '', verb = '', , path = ''] of readFileSync(file, 'utf8').matchAll(call)) {
    const params = new RegExp(`^ {4}${method}\\([^\\n]*?\\bparams\\??: ([\\w.]+)`, 'm').exec(text)?.[1] ?? '';
    const key = `${verb} ${path.replaceAll(/\$\{encodeURIComponent\(\w+\)\}/g, '{id}')}`;
    const full = declarations.interfaces.has(params) ? params : outer.find((name) => name.endsWith(`.${params}`));
    routes.set(key, full === undefined ? {} : fieldsOf(full, { declarations, scope: full }));
  }
  return routes;
}

/** A browser sends the card inside `payment_method_data`; the types are for servers, which should not see its number. */
function withCards(kind: Kind, method: Kind | undefined): Kind {
  if (typeof kind === 'string' || Array.isArray(kind) || typeof method !== 'object' || Array.isArray(method))
    return kind;
  const data = kind['payment_method_data'];
  if (typeof data !== 'object' || Array.isArray(data)) return kind;
  const types = typeof data['type*'] === 'string' ? `'card'|${data['type*']}` : "'card'";
  return { ...kind, payment_method_data: { ...data, card: method['card'] ?? 'any', 'type*': types } };
}

/** Puts what stands in several places into one, `#1`, so that the file stays small enough to be read at every start. */
function share(params: Record<string, Kind>): { params: Record<string, Kind>; shapes: Record<string, Kind> } {
  const counts = new Map<string, number>();
  const numbers = new Map<string, string>();
  const shapes: Record<string, Kind> = {};
  const isBig = (text: string): boolean => text.length > 60;
  const count = (kind: Kind): void => {
    const text = JSON.stringify(kind);
    const seen = counts.get(text) ?? 0;
    counts.set(text, seen + 1);
    if (seen > 0 || typeof kind === 'string') return;
    for (const inner of Array.isArray(kind) ? kind : Object.values(kind)) count(inner);
  };
  const write = (kind: Kind): Kind => {
    const text = JSON.stringify(kind);
    const written = (): Kind => {
      if (typeof kind === 'string') return kind;
      if (Array.isArray(kind)) return [write(kind[0])];
      return Object.fromEntries(Object.entries(kind).map(([name, inner]) => [name, write(inner)]));
    };
    if (!isBig(text) || (counts.get(text) ?? 0) < 2) return written();
    const known = numbers.get(text);
    if (known !== undefined) return known;
    const number = `#${numbers.size + 1}`;
    numbers.set(text, number);
    shapes[number] = written();
    return number;
  };
  for (const kind of Object.values(params)) count(kind);
  return { params: Object.fromEntries(Object.entries(params).map(([route, kind]) => [route, write(kind)])), shapes };
}

/** What the objects of answers hold: where an id may be expanded, and where another object stands. */
function answers(): {
  expandable: Record<string, Record<string, string>>;
  embedded: Record<string, Record<string, string>>;
} {
  const { objects, shapes }: { objects: Record<string, string>; shapes: Record<string, Record<string, string[]>> } =
    JSON.parse(responses());
  // The types say of these that they are objects, the documentation that they are ids until they are expanded.
  const expandable: Record<string, Record<string, string>> = {
    balance_transaction: { source: 'charge|dispute|refund' },
    credit_note: { 'refunds.refund': 'refund' },
    subscription_schedule: { 'phases.discounts.discount': 'discount' },
  };
  const embedded: Record<string, Record<string, string>> = {};
  const walk = (object: string, shape: string, path: string, seen: readonly string[]): void => {
    for (const [key, types] of Object.entries(shapes[shape] ?? {})) {
      const way = `${path}${key.replace('?', '')}`;
      const bare = types.map((type) => type.replace(/^(\[\]|list|\{\}) /, ''));
      const held = [
        ...new Set(bare.flatMap((type) => (type.startsWith('# ') ? [type.slice(2).replace(':deleted', '')] : []))),
      ];
      const is_id = bare.includes('string') && !types.some((type) => type.startsWith('list '));
      if (held.length > 0)
        (is_id ? expandable : embedded)[object] = { ...(is_id ? expandable : embedded)[object], [way]: held.join('|') };
      for (const type of bare) {
        const inner = type.slice(2);
        if (type.startsWith('= ') && !seen.includes(inner)) walk(object, inner, `${way}.`, [...seen, inner]);
      }
    }
  };
  for (const [object, shape] of Object.entries(objects))
    if (!object.endsWith(':deleted')) walk(object, shape, '', [shape]);
  return { expandable, embedded };
}

/** How many parameters a route has, those inside others too. */
function size(kind: Kind): number {
  if (typeof kind === 'string') return 0;
  if (Array.isArray(kind)) return size(kind[0]);
  return Object.entries(kind).reduce((sum, [name, inner]) => sum + (/^(|\{\})$/.test(name) ? 0 : 1) + size(inner), 0);
}

/** What contract.json holds, as text: a line for each route and each shared shape, so that a change shows as one. */
export function contract(): string {
  const known = new Map(filesBelow(resources, '.js').flatMap((file) => [...routesOf(file)]));
  const built: Record<string, Kind> = {};
  for (const route of builtRoutes.toSorted()) {
    const kind = known.get(route);
    if (kind === undefined) throw new Error(`The SDK has no ${route}.`);
    // The pages of a v2 list are reached by addresses that the list gives; the SDK's types do not show what is in them.
    const has_pages = /^GET \/v2\/[^{]*$/.test(route) && typeof kind === 'object' && !Array.isArray(kind);
    built[route] = withCards(has_pages ? { ...kind, page: 'string' } : kind, known.get('POST /v1/payment_methods'));
  }
  const others = [...known].filter(([route]) => !builtRoutes.includes(route)).toSorted(([a], [b]) => (a < b ? -1 : 1));
  const { params, shapes } = share(built);
  const { expandable, embedded } = answers();
  const lines = (entries: object): string =>
    Object.entries(entries)
      .map(([name, value]) => `${JSON.stringify(name)}: ${JSON.stringify(value)}`)
      .join(',\n');
  return `{
"sdk": ${JSON.stringify(`stripe ${version}`)},
"note": "Extracted from the official SDK by scripts/contract.ts: what the parameters of the built routes may be (see src/contract/contract.ts), where an id in an answer may be expanded and to what, where other objects stand, and every other route with the number of its parameters.",
"params": {
${lines(params)}
},
"shapes": {
${lines(shapes)}
},
"expandable": {
${lines(expandable)}
},
"embedded": {
${lines(embedded)}
},
"routes": {
${lines(Object.fromEntries(others.map(([route, kind]) => [route, size(kind)])))}
}
}
`;
}

if (import.meta.main) {
  writeFileSync(new URL('../src/contract/contract.json', import.meta.url), contract());
}
