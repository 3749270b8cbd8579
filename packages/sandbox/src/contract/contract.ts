import { invalidParam } from '../http/api-error.ts';
import type { FormHash, FormValue } from '../http/form.ts';
import document from './contract.json' with { type: 'json' };

type Names = number | Names[] | { [name: string]: Names };

const params = document.params as Record<string, Names>;
const other_routes: readonly string[] = document.routes;

/** Whether Stripe has this route although the sandbox has not built it. */
export function isKnownRoute(method: string, segments: readonly string[]): boolean {
  return other_routes.some((route) => {
    const [verb, path = ''] = route.split(' ');
    if (verb !== method) return false;
    const parts = path.split('/').slice(1);
    return parts.length === segments.length && parts.every((part, i) => part === '{id}' || part === segments[i]);
  });
}

function plural(unknown: string[]): Error {
  const text = unknown.length === 1 ? `parameter: ${unknown[0]}` : `parameters: ${unknown.join(', ')}`;
  return invalidParam(`Received unknown ${text}`, unknown[0] ?? '', 'parameter_unknown');
}

function collect(names: Names, value: FormValue, path: string, unknown: string[], missing: string[]): void {
  if (typeof names === 'number' || typeof value === 'string') return;
  if (Array.isArray(names)) {
    const inner = names[0];
    if (!Array.isArray(value) || inner === undefined) return;
    for (const [i, each] of value.entries()) collect(inner, each, `${path}[${i}]`, unknown, missing);
    return;
  }
  if (Array.isArray(value)) return;
  for (const [key, each] of Object.entries(value)) {
    const name = path === '' ? key : `${path}[${key}]`;
    const inner = Object.hasOwn(names, key)
      ? names[key]
      : Object.hasOwn(names, `${key}*`)
        ? names[`${key}*`]
        : undefined;
    if (inner === undefined) unknown.push(name);
    else collect(inner, each, name, unknown, missing);
  }
  for (const key of Object.keys(names)) {
    if (!key.endsWith('*') || Object.hasOwn(value, key.slice(0, -1))) continue;
    missing.push(path === '' ? key.slice(0, -1) : `${path}[${key.slice(0, -1)}]`);
  }
}

/** The text and code of a parameter that must be there. */
export function missingParam(name: string): Error {
  return invalidParam(`Missing required param: ${name}.`, name, 'parameter_missing');
}

/** Refuses names Stripe does not know and required ones that are not there. */
export function checkNames(route: string, hash: FormHash): void {
  const names = params[route];
  if (names === undefined) throw new Error(`${route} has no parameters in contract.json`);
  const unknown: string[] = [];
  const missing: string[] = [];
  collect(names, hash, '', unknown, missing);
  if (unknown.length > 0) throw plural(unknown);
  if (missing[0] !== undefined) throw missingParam(missing[0]);
}

/** The contract keys of Stripe's other routes, which the sandbox refuses as `unsupported`. */
export const unbuiltRoutes = other_routes;
