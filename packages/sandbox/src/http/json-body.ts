import { invalid } from './api-error.ts';
import type { FormHash, FormValue } from './form.ts';

const MAX_DEPTH = 10;

function malformed(why: string): Error {
  return invalid(`Invalid request: the body could not be read as JSON: ${why}.`, { before_execution: true });
}

/** Values as a form would hold them, so that one table of parameters reads both: `null` unsets, as `''` does there. */
function asForm(value: unknown, depth: number): FormValue {
  if (depth > MAX_DEPTH) throw malformed('it is nested too deeply');
  if (typeof value === 'string') return value;
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  if (Array.isArray(value)) return value.map((each) => asForm(each, depth + 1));
  const hash: FormHash = Object.create(null) as FormHash;
  if (value === null || typeof value !== 'object') return '';
  for (const [key, each] of Object.entries(value)) hash[key] = asForm(each, depth + 1);
  return hash;
}

/** Reads the body of a v2 request: a JSON object, or nothing. */
export function parseJson(text: string): FormHash {
  if (text === '') return Object.create(null) as FormHash;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw malformed('it is no JSON');
  }
  const form = asForm(value, 0);
  if (typeof form === 'string' || Array.isArray(form)) throw malformed('it is no object');
  return form;
}
