/**
 * Writes vectors/responses.json from the installed official SDK: what each object of the API consists of. Tests hold every
 * answer of the sandbox against it. Run it after a change of the SDK: `npm run responses`.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { type Declarations, declarationsOf, filesBelow, resources, unionOf, version } from './declarations.ts';

/**
 * A type in short. `string`, `number`, `boolean`, `null`, `any`; `'open` a literal text; `[] T` a list; `{} T` a map; `list T` a
 * page of the API; `# name` the object of that name; `= path` an interface of `shapes`. A union is a list of these: what may be
 * expanded is a `string` beside objects.
 */
type Shape = string[];

/** The objects the sandbox answers. What they hold comes along; what they only refer to by id does not. */
const served = `
  account balance balance_transaction billing.alert billing.alert_triggered billing.credit_balance_summary
  billing.credit_balance_transaction billing.credit_grant billing.meter billing.meter_event billing.meter_event_adjustment
  billing.meter_event_summary billing_portal.configuration billing_portal.session card charge checkout.session
  confirmation_token coupon credit_note credit_note_line_item customer customer_balance_transaction customer_session
  discount dispute event invoice invoice_payment invoiceitem item line_item mandate payment_intent payment_method plan
  price product promotion_code refund setup_attempt setup_intent subscription subscription_item subscription_schedule
  tax_id tax_rate test_helpers.test_clock token v2.billing.meter_event v2.billing.meter_event_adjustment
  v2.billing.meter_event_session v2.core.event v2.core.event_destination webhook_endpoint
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
      // The V2 namespace repeats names of V1 with another content.
      if (!objects.has(key) && file.includes('/V2/') === object.startsWith('v2.')) objects.set(key, { file, name });
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
      if (object !== undefined) return [`# ${object}`];
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
    return object === undefined ? ['any'] : [`# ${object}`];
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
  // Every notification says what it is about, each type in an interface of its own; events of some types have data.
  Object.assign(shapes['V2/Core/Events/EventBase'] ?? {}, {
    'related_object?': shapeOf('RelatedObject', join(resources, 'V2', 'Core', 'Events.d.ts'), 'V2.Core.Events'),
    'data?': ['any'],
  });
  const note =
    'Extracted from the official SDK by scripts/responses.ts. A key with ? may be absent; see that script for the shorthand of types.';
  return `${JSON.stringify({ sdk: `stripe ${version}`, note, objects: index, shapes })}\n`;
}

if (import.meta.main) {
  writeFileSync(new URL('../vectors/responses.json', import.meta.url), responses());
}
