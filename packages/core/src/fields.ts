import type { PlanFault } from './faults.ts';

/** Fits an RFC 9651 integer, which rate-limit headers carry. */
const mostUnits = 999_999_999_999_999;
const idShape = {
  shape: /^[a-z][a-z0-9_]{0,39}$/,
  meaning: 'an id: a-z, 0-9 and _, beginning with a letter, at most 40',
};

/**
 * Reads fields of unknown input. Each verb answers the value, or notes the fault with its path and answers a stand-in of the
 * right type, so that reading goes on and finds the next fault. What was read counts only when `faults` stays empty.
 */
export class Fields {
  readonly faults: PlanFault[] = [];

  /** Notes a fault, once: a missing object is noted by its parent and found missing again when it is read. */
  fault(path: string, message: string): void {
    if (!this.faults.some((known) => known.path === path && known.message === message))
      this.faults.push({ path, message });
  }

  /** An object with the required keys, perhaps the optional ones, and no others. */
  object(value: unknown, path: string, required: string[], optional: string[] = []): Record<string, unknown> {
    if (!isObject(value)) {
      this.fault(path, value === undefined ? 'is missing' : 'must be an object');
      return {};
    }
    const known = [...required, ...optional];
    for (const key of Object.keys(value)) {
      if (!known.includes(key)) this.fault(join(path, key), `is not known here; known: ${known.join(', ')}`);
    }
    for (const key of required) if (value[key] === undefined) this.fault(join(path, key), 'is missing');
    return value;
  }

  /** The entries of an object whose keys are ids; none when it is absent. A bad id is a fault, and its entry is still read. */
  entries(value: unknown, path: string, key = idShape): [string, unknown][] {
    if (value === undefined) return [];
    if (!isObject(value)) {
      this.fault(path, 'must be an object, by id');
      return [];
    }
    for (const id of Object.keys(value)) {
      if (!key.shape.test(id)) this.fault(join(path, id), `is not ${key.meaning}`);
    }
    return Object.entries(value);
  }

  list(value: unknown, path: string): unknown[] {
    if (value === undefined) return [];
    if (Array.isArray(value)) return value;
    this.fault(path, 'must be a list');
    return [];
  }

  /** A list of texts; `what` they are is said where one is none. */
  texts(value: unknown, path: string, what: string): string[] {
    return this.list(value, path).flatMap((entry, index) => {
      if (typeof entry === 'string') return [entry];
      this.fault(`${path}[${index}]`, `must be text: this is a list of ${what}`);
      return [];
    });
  }

  /** Text with something in it, of at most `most` characters. An absent one was noted by `object`. */
  text(value: unknown, path: string, most: number): string {
    if (value === undefined) return '';
    if (typeof value !== 'string') this.fault(path, 'must be text');
    else if (value.trim() === '') this.fault(path, 'is empty');
    else if (value.length > most) this.fault(path, `is longer than ${most} characters`);
    else return value;
    return '';
  }

  /** Text of one shape; `meaning` ends the sentence "must be …". */
  shaped(value: unknown, path: string, shape: RegExp, meaning: string): string {
    if (value === undefined) return '';
    if (typeof value === 'string' && shape.test(value)) return value;
    this.fault(path, `must be ${meaning}`);
    return '';
  }

  oneOf<T extends string>(value: unknown, path: string, choices: readonly T[], standIn: T): T {
    if (value === undefined) return standIn;
    const found = choices.find((choice) => choice === value);
    if (found === undefined) this.fault(path, `must be ${choices.map((choice) => `'${choice}'`).join(' or ')}`);
    return found ?? standIn;
  }

  flag(value: unknown, path: string): boolean {
    if (value === undefined || typeof value === 'boolean') return value ?? false;
    this.fault(path, 'must be true or false');
    return false;
  }

  /** What a plan sets a feature to: a number, or a text of at most 200 characters. */
  setting(value: unknown, path: string, type: 'number' | 'string'): number | string {
    if (type === 'string') return this.text(value, path, 200);
    if (typeof value === 'number' && Number.isFinite(value)) return value;
    if (value !== undefined) this.fault(path, 'must be a number');
    return 0;
  }

  /** A whole number of at least `least`. */
  integer(value: unknown, path: string, least: number): number {
    if (value === undefined) return least;
    if (typeof value === 'number' && Number.isInteger(value) && value >= least && value <= mostUnits) return value;
    this.fault(path, least > 0 ? 'must be a positive whole number' : 'must be a whole number, not negative');
    return least;
  }

  /** A price: a decimal string, not negative, in major units, which `parse` turns into minor ones. */
  amount<T>(value: unknown, path: string, parse: (text: string) => T, standIn: T): T {
    if (value === undefined) return standIn;
    if (typeof value === 'number') {
      this.fault(path, `must be text, '${value}', since a number in code is not exact`);
      return standIn;
    }
    if (typeof value !== 'string' || !/^-?\d{1,15}(\.\d{1,20})?$/.test(value)) {
      this.fault(path, "must be a decimal number as text, like '499' or '0.0008'");
      return standIn;
    }
    if (value.startsWith('-')) {
      this.fault(path, 'must not be negative');
      return standIn;
    }
    try {
      return parse(value);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      this.fault(path, error.message);
      return standIn;
    }
  }
}

/** The path of a field inside another. */
export function join(path: string, key: string): string {
  return path === '' ? key : `${path}.${key}`;
}

/** What there is, for a reference to what there is not. */
export function namesOf(ids: ReadonlySet<string>, what: string): string {
  return ids.size === 0 ? `there are no ${what}` : `there is: ${[...ids].join(', ')}`;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
