import { invalid, invalidParam, unsupported } from './api-error.ts';
import type { FormHash, FormValue } from './form.ts';
import { checkParams } from '../contract/check.ts';

/** Reads one parameter. `path` is its name in Stripe's bracket notation, for messages. */
export interface Param<T> {
  read(value: FormValue, path: string): T;
  /** What stands inside, for the table of what is covered: of a hash its parameters, of others the one they wrap. */
  readonly fields?: Readonly<Record<string, Param<unknown>>>;
  readonly inner?: Param<unknown>;
  /** Taken without effect, or refused, for this reason. */
  readonly inert?: string;
  readonly refused?: string;
  readonly is_emptyable?: boolean;
  /** Of a word, which are built: the only one there is says nothing. */
  readonly words?: readonly string[];
}

/** What a table of parameters reads to; what was not sent is `undefined`. */
export type Read<F extends Record<string, Param<unknown>>> = {
  [K in keyof F]: F[K] extends Param<infer T> ? T | undefined : never;
};

/** The name of a parameter inside another; at the top of a request there is none around it. */
export function named(path: string, name: string, ...inner: string[]): string {
  const brackets = (names: readonly string[]): string => names.map((each) => `[${each}]`).join('');
  return path === '' ? `${name}${brackets(inner)}` : `${path}${brackets([name, ...inner])}`;
}

function asText(value: FormValue, path: string): string {
  if (typeof value !== 'string') throw invalidParam(`Invalid string: ${JSON.stringify(value)}`, path);
  return value;
}

function empty(path: string): Error {
  return invalidParam(
    `You passed an empty string for '${path}'. We assume empty values are an attempt to unset a parameter; however '${path}' cannot be unset. You should remove '${path}' from your request or supply a non-empty value.`,
    path,
    'parameter_invalid_empty',
  );
}

/** Text that may not be empty. */
export function text(max = 5_000): Param<string> {
  return {
    read(value, path) {
      const read = asText(value, path);
      if (read === '') throw empty(path);
      if (read.length > max) {
        throw invalidParam(
          `Invalid string: ${read.slice(0, 12)}…${read.slice(-12)}; must be at most ${max} characters`,
          path,
          'parameter_invalid_string_length',
        );
      }
      return read;
    },
  };
}

/** A currency's code of three letters, in lower case. */
export function currencyCode(): Param<string> {
  const letters = text();
  return {
    read(value, path) {
      const currency = letters.read(value, path).toLowerCase();
      if (!/^[a-z]{3}$/.test(currency)) throw invalidParam(`Invalid currency: ${currency}`, path);
      return currency;
    },
  };
}

/** A parameter that `''` unsets: it then reads as `null`. */
export function emptyable<T>(inner: Param<T>): Param<T | null> {
  return { inner, is_emptyable: true, read: (value, path) => (value === '' ? null : inner.read(value, path)) };
}

/** A whole number, within bounds. */
export function integer(min = -99_999_999_999, max = 99_999_999_999): Param<number> {
  return {
    read(value, path) {
      const read = asText(value, path);
      if (read === '') throw empty(path);
      if (!/^-?\d{1,15}$/.test(read)) throw invalidParam(`Invalid integer: ${read}`, path, 'parameter_invalid_integer');
      const number = Number(read);
      if (number < min) {
        throw invalidParam(`This value must be greater than or equal to ${min}.`, path, 'parameter_invalid_integer');
      }
      if (number > max) {
        throw invalidParam(`This value must be less than or equal to ${max}.`, path, 'parameter_invalid_integer');
      }
      return number;
    },
  };
}

/** A decimal string, at most twelve places. */
export function decimal(): Param<string> {
  return {
    read(value, path) {
      const read = asText(value, path);
      if (!/^-?\d{1,15}(\.\d{1,12})?$/.test(read)) {
        throw invalidParam(`Invalid decimal: ${read}; must contain at maximum 12 decimal places.`, path);
      }
      return read;
    },
  };
}

/** `true` or `false`. */
export function flag(): Param<boolean> {
  return {
    read(value, path) {
      if (value === 'true') return true;
      if (value === 'false') return false;
      throw invalidParam(`Invalid boolean: ${asText(value, path)}`, path);
    },
  };
}

/** One of the values Stripe lists. Those the sandbox has not built are refused as such. */
export function oneOf<const T extends string>(built: readonly T[], unbuilt: readonly string[] = []): Param<T> {
  const all = [...built, ...unbuilt];
  return {
    words: built,
    read(value, path) {
      const read = asText(value, path);
      const found = built.find((each) => each === read);
      if (found !== undefined) return found;
      if (unbuilt.includes(read)) throw unsupported(`\`${read}\` for \`${path}\``, path);
      const names = all.length === 1 ? all[0] : `one of ${all.slice(0, -1).join(', ')}, or ${all.at(-1)}`;
      throw invalidParam(`Invalid ${path}: must be ${names}`, path);
    },
  };
}

/** A list; brackets without an index count up. */
export function list<T>(inner: Param<T>, max = 1_000): Param<T[]> {
  return {
    inner,
    read(value, path) {
      if (!Array.isArray(value)) throw invalidParam('Invalid array', path);
      if (value.length > max) throw invalidParam(`Array must contain at most ${max} items.`, path);
      return value.map((each, index) => inner.read(each, `${path}[${index}]`));
    },
  };
}

/** A hash with its own table. */
export function shape<F extends Record<string, Param<unknown>>>(fields: F): Param<Read<F>> {
  return {
    fields,
    read(value, path) {
      if (typeof value === 'string' || Array.isArray(value)) throw invalidParam('Invalid object', path);
      return readFields(value, fields, path);
    },
  };
}

/** What Stripe takes and the sandbox takes without effect; the reason is published in COVERAGE.md. */
export function inert(reason: string): Param<null> {
  return { inert: reason, read: () => null };
}

/** What the sandbox cannot do, and why; the reason is part of the refusal and is published in COVERAGE.md. */
export function refused(reason: string): Param<never> {
  return {
    refused: reason,
    read: (_value, path) => {
      throw unsupported(`the parameter \`${path}\`: ${reason}`, path);
    },
  };
}

/** Changes to metadata: `''` for a key removes it, `''` for the whole clears it. */
export type MetadataChange = Record<string, string> | null;

const METADATA_KEYS = 50;

/** A metadata hash, within Stripe's limits. */
export function metadata(): Param<MetadataChange> {
  return {
    is_emptyable: true,
    read(value, path) {
      if (value === '') return null;
      if (typeof value === 'string' || (Array.isArray(value) && value.length > 0)) {
        throw invalidParam('Invalid object', path);
      }
      const read: Record<string, string> = {};
      for (const [key, each] of Object.entries(value)) {
        const name = `${path}[${key}]`;
        if (key.length > 40) {
          throw invalidParam(
            `Invalid metadata key: '${key}' is ${key.length} characters long; keys may have at most 40 characters.`,
            name,
          );
        }
        const entry = asText(each, name);
        if (entry.length > 500) {
          throw invalidParam(`Metadata values can have up to 500 characters; '${key}' has ${entry.length}.`, name);
        }
        read[key] = entry;
      }
      return read;
    },
  };
}

/** Applies a change of metadata by Stripe's rules. */
export function mergeMetadata(old: Record<string, string>, change: MetadataChange | undefined): Record<string, string> {
  if (change === undefined) return old;
  if (change === null) return {};
  const merged: Record<string, string> = { ...old };
  for (const [key, value] of Object.entries(change)) {
    if (value === '') delete merged[key];
    else merged[key] = value;
  }
  if (Object.keys(merged).length > METADATA_KEYS) {
    throw invalid(`Metadata can have up to ${METADATA_KEYS} keys.`, { param: 'metadata', before_execution: true });
  }
  return merged;
}

function readFields<F extends Record<string, Param<unknown>>>(hash: FormHash, fields: F, path: string): Read<F> {
  const read: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(hash)) {
    const name = path === '' ? key : `${path}[${key}]`;
    const param = Object.hasOwn(fields, key) ? fields[key] : undefined;
    if (param === undefined) throw unsupported(`the parameter \`${name}\``, name);
    read[key] = param.read(value, name);
  }
  return read as Read<F>;
}

/** Reads a request's parameters: names by Stripe's contract, values by the route's table. */
export function readParams<F extends Record<string, Param<unknown>>>(
  route: string,
  hash: FormHash,
  fields: F,
): Read<F> {
  checkParams(route, hash);
  return readFields(hash, fields, '');
}
