import { invalidParam } from '../http/api-error.ts';
import type { FormHash, FormValue } from '../http/form.ts';
import { type Field, fieldsOf, type Hash, innerKind, type Kind, missingParam, paramsOf } from './contract.ts';

/** What was found: Stripe tells of unknown names first, then of one missing, then of one bad value. */
interface Found {
  unknown: string[];
  missing: string[];
  bad: Error | null;
}

/** The text and code of an empty string where there is nothing to unset. */
function empty(path: string): Error {
  return invalidParam(
    `You passed an empty string for '${path}'. We assume empty values are an attempt to unset a parameter; however '${path}' cannot be unset. You should remove '${path}' from your request or supply a non-empty value.`,
    path,
    'parameter_invalid_empty',
  );
}

/** `a`, `a or b`, `a, b, or c`, as Stripe lists what may be. */
function oneOfText(names: readonly string[]): string {
  if (names.length < 3) return names.join(' or ');
  return `one of ${names.slice(0, -1).join(', ')}, or ${names.at(-1)}`;
}

const patterns: Record<string, RegExp> = {
  boolean: /^(true|false)$/,
  decimal: /^-?\d{1,15}(\.\d{1,12})?$/,
  integer: /^-?\d{1,15}$/,
  number: /^-?\d{1,15}(\.\d{1,15})?$/,
};

/** Why a text is none of the leaves; `null` when it is one. */
function leafFault(leaf: string, text: string, path: string): Error | null {
  const kinds = leaf.split('|');
  if (kinds.includes('string') || kinds.includes('any')) return null;
  if (kinds.some((kind) => patterns[kind]?.test(text) ?? kind === `'${text}'`)) return null;
  if (kinds.includes('integer')) return invalidParam(`Invalid integer: ${text}`, path, 'parameter_invalid_integer');
  if (kinds.includes('boolean')) return invalidParam(`Invalid boolean: ${text}`, path);
  if (kinds.includes('decimal')) {
    return invalidParam(`Invalid decimal: ${text}; must contain at maximum 12 decimal places.`, path);
  }
  if (kinds.includes('number')) return invalidParam(`Invalid decimal: ${text}`, path);
  if (kinds.includes('metadata')) return invalidParam('Invalid object', path);
  return invalidParam(`Invalid ${path}: must be ${oneOfText(kinds.map((kind) => kind.slice(1, -1)))}`, path);
}

/** The documentation gives the code and what it is about, not the sentence. */
function blank(path: string): Error {
  return invalidParam(
    `The value of '${path}' is blank. It must contain at least 1 non-whitespace character.`,
    path,
    'parameter_invalid_string_blank',
  );
}

function note(found: Found, fault: Error | null): void {
  found.bad ??= fault;
}

function checkValue(kind: Kind, value: FormValue, path: string, found: Found): void {
  if (typeof kind === 'string') {
    if (kind === 'any' || kind === 'metadata') {
      // Metadata has limits of its own, which its reader knows.
      if (kind === 'metadata' && typeof value === 'string') note(found, leafFault(kind, value, path));
      return;
    }
    if (typeof value === 'string') note(found, leafFault(kind, value, path));
    else note(found, invalidParam(`Invalid string: ${JSON.stringify(value).slice(0, 500)}`, path));
    return;
  }
  if (Array.isArray(kind)) {
    if (!Array.isArray(value)) return note(found, invalidParam('Invalid array', path));
    const inner = innerKind(kind, 0) ?? 'any';
    for (const [i, each] of value.entries()) checkGiven(inner, each, `${path}[${i}]`, found);
    return;
  }
  if (typeof value === 'string') {
    const leaf = innerKind(kind, '');
    note(found, typeof leaf === 'string' ? leafFault(leaf, value, path) : invalidParam('Invalid object', path));
    return;
  }
  const free = innerKind(kind, '{}');
  if (free !== undefined) {
    for (const [key, each] of Object.entries(value)) checkValue(free, each, `${path}[${key}]`, found);
    return;
  }
  if (Array.isArray(value)) return note(found, invalidParam('Invalid object', path));
  checkHash(kind, value, path, found);
}

/** A value where an empty string would unset nothing. */
function checkGiven(kind: Kind, value: FormValue, path: string, found: Found): void {
  if (value === '' && kind !== 'any') note(found, empty(path));
  else checkValue(kind, value, path, found);
}

function checkField(field: Field, value: FormValue, path: string, found: Found): void {
  const { kind, is_emptyable, is_required } = field;
  // Of plain text the types do not say what '' does (a customer's name is unset by it); the route's table knows.
  if (value === '' && (is_emptyable || kind === 'metadata' || (kind === 'string' && !is_required))) return;
  if (kind === 'string' && is_required && typeof value === 'string' && /^\s+$/.test(value)) note(found, blank(path));
  checkGiven(kind, value, path, found);
}

function checkHash(hash: Hash, value: FormHash, path: string, found: Found): void {
  const fields = fieldsOf(hash);
  const pathOf = (name: string): string => (path === '' ? name : `${path}[${name}]`);
  for (const [name, each] of Object.entries(value)) {
    const field = fields.get(name);
    if (field === undefined) found.unknown.push(pathOf(name));
    else checkField(field, each, pathOf(name), found);
  }
  for (const { name, is_required } of fields.values()) {
    if (is_required && !Object.hasOwn(value, name)) found.missing.push(pathOf(name));
  }
}

/**
 * Refuses what Stripe's contract does not allow, in Stripe's words: names it does not know, required ones that are not
 * there, values of another type. Tables of routes add bounds and meaning; none of them repeats this.
 */
export function checkParams(route: string, hash: FormHash): void {
  const found: Found = { unknown: [], missing: [], bad: null };
  checkHash(paramsOf(route), hash, '', found);
  const { unknown, missing, bad } = found;
  if (unknown[0] !== undefined) {
    const text = unknown.length === 1 ? `parameter: ${unknown[0]}` : `parameters: ${unknown.join(', ')}`;
    throw invalidParam(`Received unknown ${text}`, unknown[0], 'parameter_unknown');
  }
  if (missing[0] !== undefined) throw missingParam(missing[0]);
  if (bad !== null) throw bad;
}
