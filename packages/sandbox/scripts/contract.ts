/**
 * Writes src/contract/contract.json from the installed official SDK: the parameter names of the routes we build, and
 * the paths of all others. Run it after a change of the SDK or of a route: `npm run contract`.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { builtRoutes } from '../src/http/routes.ts';

type Names = 1 | Names[] | { [name: string]: Names };

interface Field {
  name: string;
  is_required: boolean;
  type: string;
}

const root = join(dirname(createRequire(import.meta.url).resolve('stripe')), '..');
const version = (JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string }).version;
const resources = join(root, 'esm', 'resources');

/** Hashes the sandbox takes no part of; their inside is not worth its length. */
const opaque = new Set([
  'payment_method_options',
  'payment_method_data',
  'shipping',
  'shipping_options',
  'custom_text',
]);

/** Interfaces by their full name, `SubscriptionCreateParams.Item`, of one declaration file. */
function interfacesOf(declarations: string): Map<string, Field[]> {
  const found = new Map<string, Field[]>();
  const stack: { name: string; indent: number; fields: Field[] | null }[] = [];
  for (const line of declarations.split('\n')) {
    const indent = line.length - line.trimStart().length;
    const opened = /^\s*(?:export )?(?:declare )?(namespace|interface) (\w+)(?: extends ([\w, ]+))? \{(\})?/.exec(line);
    if (opened !== null) {
      const [, kind, name = '', parents = '', closed] = opened;
      const path = [...stack.filter((each) => each.fields === null).map((each) => each.name), name].join('.');
      const fields: Field[] | null = kind === 'interface' ? [] : null;
      if (fields !== null) {
        if (/PaginationParams/.test(parents)) {
          for (const page of ['ending_before', 'limit', 'starting_after']) {
            fields.push({ name: page, is_required: false, type: 'string' });
          }
        }
        found.set(path, fields);
      }
      if (closed === undefined) stack.push({ name, indent, fields });
      continue;
    }
    const top = stack.at(-1);
    if (top === undefined) continue;
    if (/^\s*\}/.test(line) && indent === top.indent) stack.pop();
    // A type over several lines is a map with free keys: a leaf.
    const field = /^\s+'?(\w+)'?(\?)?: (.+);$/.exec(line) ?? /^\s+'?(\w+)'?(\?)?: ((?:Emptyable<)?\{)$/.exec(line);
    if (field === null || top.fields === null || indent !== top.indent + 4) continue;
    top.fields.push({ name: field[1] ?? '', is_required: field[2] === undefined, type: field[3] ?? '' });
  }
  return found;
}

/** A name as written inside a namespace means the nearest one outwards. */
function lookUp(name: string, scope: string, all: Map<string, Field[]>): string | null {
  const parts = scope === '' ? [] : scope.split('.');
  for (let length = parts.length; length >= 0; length -= 1) {
    const full = [...parts.slice(0, length), name].join('.');
    if (all.has(full)) return full;
  }
  return null;
}

function namesOf(full: string, all: Map<string, Field[]>): Names {
  const names: { [name: string]: Names } = {};
  const scope = full.split('.').slice(0, -1).join('.');
  for (const { name, is_required, type } of all.get(full) ?? []) {
    if (name === 'expand') continue;
    names[is_required ? `${name}*` : name] = opaque.has(name) ? 1 : typeNames(type, scope, all);
  }
  return names;
}

function typeNames(type: string, scope: string, all: Map<string, Field[]>): Names {
  const bare = type.replace(/^Emptyable<(.*)>$/, '$1');
  const element = /^Array<(.*)>$/.exec(bare)?.[1] ?? /^(.*)\[\]$/.exec(bare)?.[1];
  if (element !== undefined) return [typeNames(element, scope, all)];
  if (/^(Address|JapanAddress)Param$/.test(bare)) {
    return { city: 1, country: 1, line1: 1, line2: 1, postal_code: 1, state: 1 };
  }
  const full = lookUp(bare, scope, all);
  const names = full === null ? 1 : namesOf(full, all);
  return typeof names === 'object' && Object.keys(names).length === 0 ? 1 : names;
}

function scriptsBelow(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) =>
    entry.isDirectory()
      ? scriptsBelow(join(folder, entry.name))
      : entry.name.endsWith('.js')
        ? [join(folder, entry.name)]
        : [],
  );
}

/** `POST /v1/customers/{id}` for every call the SDK can make, with its parameters. */
function routesOf(file: string): Map<string, Names> {
  const declarations = readFileSync(file.replace(/\.js$/, '.d.ts'), 'utf8');
  const all = interfacesOf(declarations);
  const scope = /^export declare namespace (\w+) \{/m.exec(declarations)?.[1] ?? '';
  const routes = new Map<string, Names>();
  const call = /^ {4}(\w+)\([^)]*\) \{(?:(?!^ {4}\}).)*?_makeRequest\('(\w+)', (['`])(.*?)\3/gms;
  for (const [, method = '', verb = '', , path = ''] of readFileSync(file, 'utf8').matchAll(call)) {
    const params = new RegExp(`^ {4}${method}\\([^\\n]*?\\bparams\\??: ([\\w.]+)`, 'm').exec(declarations)?.[1] ?? '';
    const key = `${verb} ${path.replaceAll(/\$\{encodeURIComponent\(\w+\)\}/g, '{id}')}`;
    routes.set(key, namesOf(lookUp(params, scope, all) ?? '', all));
  }
  return routes;
}

/** What contract.json holds, as text. */
export function contract(): string {
  const known = new Map(scriptsBelow(resources).flatMap((file) => [...routesOf(file)]));
  const params: Record<string, Names> = {};
  for (const route of builtRoutes.toSorted()) {
    const names = known.get(route);
    if (names === undefined) throw new Error(`The SDK has no ${route}.`);
    // The pages of a v2 list are reached by addresses that the list gives; the SDK's types do not show what is in them.
    const has_pages = /^GET \/v2\/[^{]*$/.test(route) && typeof names === 'object' && !Array.isArray(names);
    params[route] = has_pages ? { ...names, page: 1 } : names;
  }
  const note =
    'Extracted from the official SDK by scripts/contract.ts: parameter names of the built routes (a star marks a required one, 1 is a leaf) and every other route.';
  const routes = [...known.keys()].filter((route) => !builtRoutes.includes(route)).toSorted();
  return `${JSON.stringify({ sdk: `stripe ${version}`, note, params, routes })}\n`;
}

if (import.meta.main) {
  writeFileSync(new URL('../src/contract/contract.json', import.meta.url), contract());
}
