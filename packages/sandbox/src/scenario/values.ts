import type { Json, JsonObject } from '../contract/json.ts';

/** Paths, `${…}` and expectations of scenarios. Pure. */

function isObject(value: Json): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** What is at a path such as `invoice.lines.data[0].amount`; says what is there when the way ends early. */
export function at(value: Json, path: string): Json {
  let found = value;
  let way = '';
  for (const [, key, index] of path.matchAll(/([^.[\]]+)|\[(\d+)\]/g)) {
    if (index !== undefined) {
      if (!Array.isArray(found)) throw new RangeError(`${way || 'it'} is no list`);
      if (Number(index) >= found.length) throw new RangeError(`${way || 'the list'} has ${found.length} entries`);
      found = found[Number(index)];
      way += `[${index}]`;
      continue;
    }
    if (!isObject(found)) throw new RangeError(`${way || 'it'} is ${shown(found)}, without \`${key}\``);
    if (!Object.hasOwn(found, key ?? '')) {
      const names = Object.keys(found);
      const some = names.length === 0 ? 'nothing' : names.slice(0, 12).join(', ');
      throw new RangeError(`${way === '' ? 'there' : way} has no \`${key}\`, but ${some}`);
    }
    found = found[key ?? ''];
    way += way === '' ? (key ?? '') : `.${key}`;
  }
  return found;
}

/** A value as it is written in a message: short. */
export function shown(value: Json): string {
  const text = JSON.stringify(value) ?? 'nothing';
  return text.length > 120 ? `${text.slice(0, 117)}…` : text;
}

/** A value inside a text: itself, or as JSON. */
export function asText(value: Json): string {
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? '');
}

/** Puts what was named into a value: `"${a.b}"` alone keeps the type, `{ "$time": "2026-…" }` is unix seconds. */
export function filled(value: Json, names: JsonObject): Json {
  if (typeof value === 'string') {
    const whole = /^\$\{([^}]*)\}$/.exec(value);
    if (whole !== null) return at(names, whole[1] ?? '');
    return value.replaceAll(/\$\{([^}]*)\}/g, (_all, path: string) => asText(at(names, path)));
  }
  if (Array.isArray(value)) return value.map((each) => filled(each, names));
  if (!isObject(value)) return value;
  const time = value['$time'];
  if (typeof time === 'string' && Object.keys(value).length === 1) {
    const ms = Date.parse(asText(filled(time, names)));
    if (Number.isNaN(ms)) throw new RangeError(`"${time}" is no instant`);
    return Math.floor(ms / 1_000);
  }
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, filled(each, names)]));
}

const matchers: Record<string, (found: Json, wanted: Json) => boolean> = {
  $gt: (found, wanted) => Number(found) > Number(wanted),
  $gte: (found, wanted) => Number(found) >= Number(wanted),
  $lt: (found, wanted) => Number(found) < Number(wanted),
  $lte: (found, wanted) => Number(found) <= Number(wanted),
  $not: (found, wanted) => mismatch(found, wanted) !== null,
  $length: (found, wanted) => Array.isArray(found) && found.length === wanted,
  $matches: (found, wanted) => typeof found === 'string' && new RegExp(asText(wanted)).test(found),
  $contains: (found, wanted) => Array.isArray(found) && found.some((each) => mismatch(each, wanted) === null),
};

/** Why a value is not what was expected; `null` when it is. Of an object only what is named counts. */
export function mismatch(found: Json, wanted: Json): string | null {
  if (Array.isArray(wanted)) {
    if (!Array.isArray(found)) return `expected a list, got ${shown(found)}`;
    if (found.length !== wanted.length) return `expected ${wanted.length} entries, got ${found.length}`;
    for (const [index, each] of wanted.entries()) {
      const why = mismatch(found[index], each);
      if (why !== null) return `[${index}]: ${why}`;
    }
    return null;
  }
  if (!isObject(wanted)) return found === wanted ? null : `expected ${shown(wanted)}, got ${shown(found)}`;
  for (const [key, each] of Object.entries(wanted)) {
    const matcher = key.startsWith('$') ? matchers[key] : undefined;
    if (key.startsWith('$') && matcher === undefined) {
      return `there is no ${key}, only ${Object.keys(matchers).join(', ')}`;
    }
    if (matcher !== undefined) {
      if (!matcher(found, each)) return `expected ${key} ${shown(each)}, got ${shown(found)}`;
      continue;
    }
    if (!isObject(found)) return `expected ${shown(wanted)}, got ${shown(found)}`;
    const why = mismatch(found[key] ?? null, each);
    if (why !== null) return `${key}: ${why}`;
  }
  return null;
}
