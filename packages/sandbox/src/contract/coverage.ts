import { routes } from '../http/routes.ts';
import type { Param } from '../http/params.ts';
import type { Route } from '../http/route.ts';
import { fieldsOf, innerKind, type Kind, paramsOf, unbuiltRoutes } from './contract.ts';
import { fieldReason, paramReason, routeReason } from './reasons.ts';
import document from './fields.json' with { type: 'json' };

const fields_of_objects: Readonly<Record<string, { count: number; unset: string[] }>> = document;

/** What the sandbox has of Stripe: routes, parameters and fields of answers. COVERAGE.md and the control room show this. */

/** Something that is not here, and why; nobody has said why when it is `null`. */
interface Missing {
  name: string;
  reason: string | null;
}

/** What a built route does with the parameters that Stripe's route has: `items[].price_data.product`. */
interface ParamCoverage {
  implemented: string[];
  /** Taken without effect. */
  inert: Missing[];
  /** Refused as `unsupported`; what stands inside is not counted. */
  refused: Missing[];
}

/** The parameter inside those that only wrap it. */
function bare(param: Param<unknown> | undefined): Param<unknown> | undefined {
  let at = param;
  while (at !== undefined && at.fields === undefined && at.inner !== undefined) at = at.inner;
  return at;
}

function collect(
  kind: Kind,
  param: Param<unknown> | undefined,
  path: string,
  route: string,
  into: ParamCoverage,
): void {
  if (typeof kind === 'string') return;
  if (Array.isArray(kind)) return collect(innerKind(kind, 0) ?? 'any', param, `${path}[]`, route, into);
  const free = innerKind(kind, '{}');
  if (free !== undefined) return collect(free, param, `${path}.*`, route, into);
  const table = bare(param)?.fields;
  for (const field of fieldsOf(kind).values()) {
    const name = path === '' ? field.name : `${path}.${field.name}`;
    const own = table?.[field.name];
    const { inert, refused } = bare(own) ?? {};
    if (inert !== undefined) into.inert.push({ name, reason: inert });
    else if (own === undefined || refused !== undefined) {
      into.refused.push({ name, reason: refused ?? paramReason(route, name) });
    } else {
      into.implemented.push(name);
      collect(field.kind, own, name, route, into);
    }
  }
}

/** What a built route does with each parameter of the contract, those inside others too. */
export function paramCoverage({ key, params }: Pick<Route, 'key' | 'params'>): ParamCoverage {
  const found: ParamCoverage = { implemented: [], inert: [], refused: [] };
  collect(paramsOf(key), { fields: params, read: () => null }, '', key, found);
  return found;
}

/** Routes that belong together. */
interface Family {
  name: string;
  built: ({ route: string } & ParamCoverage)[];
  unbuilt: Missing[];
}

const nested = [
  'billing',
  'billing_portal',
  'checkout',
  'test_helpers',
  'core',
  'issuing',
  'treasury',
  'tax',
  'terminal',
];

function familyOf(route: string): string {
  const path = route.slice(route.indexOf(' ') + 1);
  const [, version = '', first = '', second] = path.split('/');
  const name = nested.includes(first) && second !== undefined ? `${first}/${second}` : first;
  return version === 'v1' ? name : `${version}/${name}`;
}

/** Every route the official SDK knows, by family: built, with what becomes of its parameters, or why not. */
function families(): Family[] {
  const found = new Map<string, Family>();
  const family = (route: string): Family => {
    const name = familyOf(route);
    const known = found.get(name) ?? { name, built: [], unbuilt: [] };
    found.set(name, known);
    return known;
  };
  for (const route of routes) family(route.key).built.push({ route: route.key, ...paramCoverage(route) });
  for (const route of unbuiltRoutes) family(route).unbuilt.push({ name: route, reason: routeReason(route) });
  return [...found.values()].toSorted(
    (a, b) => Number(b.built.length > 0) - Number(a.built.length > 0) || a.name.localeCompare(b.name),
  );
}

interface ObjectCoverage {
  object: string;
  fields: number;
  /** Fields that are always null, or never there. */
  unset: Missing[];
}

interface Coverage {
  counts: {
    routes: { built: number; all: number };
    params: { implemented: number; inert: number; refused: number };
    fields: { set: number; all: number };
  };
  families: Family[];
  objects: ObjectCoverage[];
}

/** All of it, with its counts. */
export function coverage(): Coverage {
  const all = families();
  const built = all.flatMap((each) => each.built);
  const objects = Object.entries(fields_of_objects).map(([object, { count, unset }]) => ({
    object,
    fields: count,
    unset: unset.map((name) => ({ name, reason: fieldReason(object, name) })),
  }));
  const sum = (numbers: number[]): number => numbers.reduce((total, each) => total + each, 0);
  const all_fields = sum(objects.map((each) => each.fields));
  return {
    counts: {
      routes: { built: built.length, all: built.length + unbuiltRoutes.length },
      params: {
        implemented: sum(built.map((each) => each.implemented.length)),
        inert: sum(built.map((each) => each.inert.length)),
        refused: sum(built.map((each) => each.refused.length)),
      },
      fields: { set: all_fields - sum(objects.map((each) => each.unset.length)), all: all_fields },
    },
    families: all,
    objects,
  };
}
