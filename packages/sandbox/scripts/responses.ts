/**
 * Writes vectors/responses.json from the installed official SDK: what each object of the API consists of. Tests hold every
 * answer of the sandbox against it. Run it after a change of the SDK: `npm run responses`.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { type Declarations, declarationsOf, filesBelow, resources, unionOf, version } from './declarations.ts';

/**
 * A type in short. `string`, `number`, `boolean`, `null`, `any`; `'open` a literal text; `[] T` a list; `{} T` a map; `list T` a
 * page of the API; `# name` the object of that name; `= path` an interface of `shapes`. A union is a list of these.
 */
type Shape = string[];

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

if (import.meta.main) {
  writeFileSync(new URL('../vectors/responses.json', import.meta.url), responses());
}
