import { readFileSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

/** What the declarations of the installed official SDK say: the source of both contracts. */

export interface Interface {
  extends: string[];
  fields: Map<string, { type: string; is_optional: boolean }>;
}

/** The declarations of one file: interfaces and aliases by their full name, `Invoice.Parent`. */
export interface Declarations {
  interfaces: Map<string, Interface>;
  aliases: Map<string, string>;
  /** Names from other files, with the file. */
  imports: Map<string, string>;
}

const root = join(dirname(createRequire(import.meta.url).resolve('stripe')), '..');
export const { version }: { version: string } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
export const resources = join(root, 'esm', 'resources');

/** Reads the part of TypeScript that the SDK's declarations are written in. */
export function declarationsOf(text: string, file: string): Declarations {
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

export function filesBelow(folder: string, ending = '.d.ts'): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) =>
    entry.isDirectory()
      ? filesBelow(join(folder, entry.name), ending)
      : entry.name.endsWith(ending)
        ? [join(folder, entry.name)]
        : [],
  );
}

/** The members of a union; a bar inside brackets is not one of its. */
export function unionOf(type: string): string[] {
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
