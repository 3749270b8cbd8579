/**
 * Writes vectors/responses.json from the installed official SDK: what each object of the API consists of. Tests hold every
 * answer of the sandbox against it. Run it after a change of the SDK: `npm run responses`.
 */
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, relative } from 'node:path';

/**
 * A type in short. `string`, `number`, `boolean`, `null`, `any`; `'open` a literal text; `[] T` a list; `{} T` a map; `list T` a
 * page of the API; `# name` the object of that name; `= path` an interface of `shapes`. A union is a list of these.
 */
type Shape = string[];

interface Interface {
  extends: string[];
  fields: Map<string, { type: string; is_optional: boolean }>;
}

/** The declarations of one file: interfaces and aliases by their full name, `Invoice.Parent`. */
interface Declarations {
  interfaces: Map<string, Interface>;
  aliases: Map<string, string>;
  /** Names from other files, with the file. */
  imports: Map<string, string>;
}

const root = join(dirname(createRequire(import.meta.url).resolve('stripe')), '..');
const { version }: { version: string } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const resources = join(root, 'esm', 'resources');

/** The objects a subscription business meets. What they hold comes along; what they only refer to by id does not. */
const served = `
  account billing.alert billing.credit_balance_summary billing.credit_balance_transaction
  billing.credit_grant billing.meter billing.meter_event billing.meter_event_adjustment
  billing.meter_event_summary billing_portal.configuration billing_portal.session charge checkout.session
  coupon credit_note credit_note_line_item customer customer_balance_transaction discount dispute event
  invoice invoice_payment invoiceitem item line_item payment_intent payment_method plan price product
  promotion_code refund setup_intent subscription subscription_item subscription_schedule tax_id tax_rate
  test_helpers.test_clock webhook_endpoint
`
  .trim()
  .split(/\s+/);

/** Reads the part of TypeScript that the SDK's declarations are written in. */
function declarationsOf(text: string, file: string): Declarations {
  const bare = text.replaceAll(/\/\*[\s\S]*?\*\//g, '').replaceAll(/^\s*\/\/.*$/gm, '');
  const found: Declarations = { interfaces: new Map(), aliases: new Map(), imports: new Map() };
  for (const [, names = '', from = ''] of bare.matchAll(/^import \{ (.*) \} from '(\..*)\.js';/gm)) {
    for (const name of names.split(', ')) found.imports.set(name, join(dirname(file), `${from}.d.ts`));
  }
  readBlock(bare, '', found);
  return found;
}

const opening =
  /(?:export |declare )*(interface|namespace) (\w+)(?: extends ([\w, .]+?))? \{|(?:export |declare )*type (\w+) =/g;

function readBlock(text: string, scope: string, found: Declarations): void {
  const search = new RegExp(opening);
  for (let match = search.exec(text); match !== null; match = search.exec(text)) {
    const [all, kind, name = '', parents = '', alias] = match;
    const start = match.index + all.length;
    const end = alias === undefined ? closing(text, start) : endOfType(text, start);
    const inside = text.slice(start, end);
    if (alias !== undefined) found.aliases.set(within(scope, alias), inside.trim());
    else if (kind === 'namespace') readBlock(inside, within(scope, name), found);
    else
      found.interfaces.set(within(scope, name), {
        extends: parents.split(', ').filter(Boolean),
        fields: fieldsOf(inside),
      });
    search.lastIndex = end;
  }
}

function fieldsOf(text: string): Interface['fields'] {
  const fields: Interface['fields'] = new Map();
  for (let at = 0; at < text.length;) {
    const match = /^\s*(?:readonly )?'?([\w.]+)'?(\?)?: /.exec(text.slice(at));
    const end = endOfType(text, at);
    if (match !== null) {
      fields.set(match[1] ?? '', {
        type: text.slice(at + match[0].length, end).trim(),
        is_optional: match[2] !== undefined,
      });
    }
    at = end + 1;
  }
  return fields;
}

/** Where the block that was opened before `at` closes. */
function closing(text: string, at: number): number {
  let depth = 1;
  let end = at;
  for (; end < text.length && depth > 0; end += 1) depth += text[end] === '{' ? 1 : text[end] === '}' ? -1 : 0;
  return end - 1;
}

/** The semicolon that ends a type: none inside brackets does. */
function endOfType(text: string, at: number): number {
  let depth = 0;
  for (let end = at; end < text.length; end += 1) {
    const sign = text[end] ?? '';
    if ('{(['.includes(sign)) depth += 1;
    else if ('})]'.includes(sign)) depth -= 1;
    else if (sign === ';' && depth === 0) return end;
  }
  return text.length;
}

function within(scope: string, name: string): string {
  return scope === '' ? name : `${scope}.${name}`;
}

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) =>
    entry.isDirectory()
      ? filesBelow(join(folder, entry.name))
      : entry.name.endsWith('.d.ts')
        ? [join(folder, entry.name)]
        : [],
  );
}

/** Everything the SDK declares, and which interface carries which `object`. */
function readSdk() {
  const files = new Map<string, Declarations>();
  const objects = new Map<string, { file: string; name: string }>();
  for (const file of filesBelow(resources)) {
    const declarations = declarationsOf(readFileSync(file, 'utf8'), file);
    files.set(file, declarations);
    for (const [name, { fields }] of declarations.interfaces) {
      const object = /^'(.+)'$/.exec(fields.get('object')?.type ?? '')?.[1];
      if (object === undefined || name.includes('.')) continue;
      const key = fields.get('deleted')?.type === 'true' ? `${object}:deleted` : object;
      // The V2 namespace repeats names of V1 with another content; the first path in order is V1's.
      if (!objects.has(key) && !file.includes('/V2/')) objects.set(key, { file, name });
    }
  }
  return { files, objects };
}

/** What responses.json holds, as text. */
export function responses(): string {
  const { files, objects } = readSdk();
  const byPlace = new Map([...objects].map(([key, { file, name }]) => [`${file} ${name}`, key]));
  const shapes: Record<string, Record<string, Shape>> = {};

  function shapeOf(type: string, file: string, scope: string): Shape {
    return [...new Set(unionOf(type).flatMap((part) => partOf(part, file, scope)))];
  }

  function partOf(part: string, file: string, scope: string): Shape {
    const list = /^(?:Array|ApiList|ApiSearchResult)<([\s\S]*)>$/.exec(part);
    if (list !== null)
      return shapeOf(list[1] ?? '', file, scope).map((inner) => `${part.startsWith('Array') ? '[]' : 'list'} ${inner}`);
    const map = /^\{\s*\[\w+: string\]: ([\s\S]*?);?\s*\}$/.exec(part);
    if (map !== null) return shapeOf(map[1] ?? '', file, scope).map((inner) => `{} ${inner}`);
    if (/^(string|number|boolean|null|'.*')$/.test(part)) return [part.replace(/^'(.*)'$/, "'$1")];
    if (/^(true|false)$/.test(part)) return ['boolean'];
    if (/(^|\.)Decimal$/.test(part)) return ['string'];
    if (part === 'Metadata') return ['{} string'];
    if (part === 'OtherString' || part === 'void' || part === 'undefined') return [];
    return named(part, file, scope);
  }

  function named(name: string, file: string, scope: string): Shape {
    const declarations = files.get(file);
    const parts = scope === '' ? [] : scope.split('.');
    for (let length = parts.length; length >= 0; length -= 1) {
      const full = [...parts.slice(0, length), name].join('.');
      const alias = declarations?.aliases.get(full);
      if (alias !== undefined) return shapeOf(alias, file, full.split('.').slice(0, -1).join('.'));
      const object = byPlace.get(`${file} ${full}`);
      if (object !== undefined) return reference(object);
      const known = declarations?.interfaces.get(full);
      if (known !== undefined) return [known.fields.size === 0 ? 'any' : `= ${remember(full, file)}`];
    }
    const [space = '', inner] = name.split('.');
    const folder = join(resources, space);
    const place =
      inner === undefined
        ? `${declarations?.imports.get(name) ?? ''} ${name}`
        : [...byPlace.keys()].find((each) => each.startsWith(`${folder}/`) && each.endsWith(` ${inner}`));
    const object = byPlace.get(place ?? '');
    return object === undefined ? ['any'] : reference(object);
  }

  function reference(object: string): Shape {
    return [served.includes(object.replace(':deleted', '')) ? `# ${object}` : 'any'];
  }

  function remember(full: string, file: string): string {
    const key = `${relative(resources, file).replace('.d.ts', '')}/${full}`;
    const found = files.get(file)?.interfaces.get(full);
    if (shapes[key] !== undefined || found === undefined) return key;
    const shape: Record<string, Shape> = (shapes[key] = {});
    for (const [name, { type, is_optional }] of found.fields) {
      // Stripe marks a live object's `deleted` as never there.
      if (type !== 'void') shape[is_optional ? `${name}?` : name] = shapeOf(type, file, full);
    }
    return key;
  }

  const index: Record<string, string> = {};
  for (const [object, { file, name }] of objects) {
    if (served.includes(object.replace(':deleted', ''))) index[object] = remember(name, file);
  }
  const note =
    'Extracted from the official SDK by scripts/responses.ts. A key with ? may be absent; see that script for the shorthand of types.';
  return `${JSON.stringify({ sdk: `stripe ${version}`, note, objects: index, shapes })}\n`;
}

/** The members of a union; a bar inside brackets is not one of its. */
function unionOf(type: string): string[] {
  const members: string[] = [];
  let depth = 0;
  let start = 0;
  for (let at = 0; at <= type.length; at += 1) {
    const sign = type[at] ?? '|';
    if ('{(<['.includes(sign)) depth += 1;
    else if ('})>]'.includes(sign)) depth -= 1;
    else if (sign === '|' && depth === 0) {
      members.push(type.slice(start, at).trim());
      start = at + 1;
    }
  }
  return members.filter((member) => member !== '');
}

if (import.meta.main) {
  writeFileSync(new URL('../vectors/responses.json', import.meta.url), responses());
}
