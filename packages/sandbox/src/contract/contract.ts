import { invalidParam } from '../http/api-error.ts';
import document from './contract.json' with { type: 'json' };

/**
 * What a parameter may be. A text is a leaf: `string`, `integer`, `number`, `boolean`, `decimal`, `metadata`, `any`, a literal
 * `'month'`, or several with bars between. `[kind]` is a list. A hash has its parameters by name: `*` after a name is
 * required, `~` may be unset with an empty string; under `''` stands what may come instead of the hash, under `{}` what
 * every key of a free hash holds. `#1` stands in `shapes`.
 */
export type Kind = string | Kind[] | Hash;

/** Parameters by name. */
export interface Hash {
  [name: string]: Kind;
}

const params = document.params as Record<string, Kind>;
const shapes = document.shapes as Record<string, Kind>;
const other_routes: Readonly<Record<string, number>> = document.routes;

/** Looks a shared kind up. */
function resolved(kind: Kind): Kind {
  return typeof kind === 'string' && kind.startsWith('#') ? (shapes[kind] ?? 'any') : kind;
}

/** One parameter of a hash. */
export interface Field {
  name: string;
  kind: Kind;
  is_required: boolean;
  is_emptyable: boolean;
}

const read_hashes = new WeakMap<Hash, Map<string, Field>>();

/** The parameters of a hash by their bare names. */
export function fieldsOf(hash: Hash): ReadonlyMap<string, Field> {
  const known = read_hashes.get(hash);
  if (known !== undefined) return known;
  const fields = new Map<string, Field>();
  for (const [key, kind] of Object.entries(hash)) {
    if (key === '' || key === '{}') continue;
    const name = key.replace(/\*?~?$/, '');
    fields.set(name, {
      name,
      kind: resolved(kind),
      is_required: key.slice(name.length).startsWith('*'),
      is_emptyable: key.endsWith('~'),
    });
  }
  read_hashes.set(hash, fields);
  return fields;
}

/** What one of a list, or what stands under a special name of a hash. */
export function innerKind(kind: Kind[] | Hash, name: '' | '{}' | 0): Kind | undefined {
  const inner = Array.isArray(kind) ? kind[0] : kind[name];
  return inner === undefined ? undefined : resolved(inner);
}

/** The parameters of a built route. */
export function paramsOf(route: string): Hash {
  const kind = resolved(params[route] ?? '');
  if (typeof kind === 'string' || Array.isArray(kind)) throw new Error(`${route} has no parameters in contract.json`);
  return kind;
}

type Ways = Readonly<Record<string, Readonly<Record<string, string>> | undefined>>;
const { expandable, embedded }: { expandable: Ways; embedded: Ways } = document;

function at(ways: Ways, object: string, way: string): string[] | null {
  const own = Object.hasOwn(ways, object) ? ways[object] : undefined;
  return own !== undefined && Object.hasOwn(own, way) ? (own[way]?.split('|') ?? null) : null;
}

/** The objects that may stand in the place of an id at this way inside an object, `invoice parent.subscription_details.subscription`. */
export function expandableIn(object: string, way: string): string[] | null {
  return at(expandable, object, way);
}

/** The objects that stand at this way inside an object, one or a list of them. */
export function embeddedIn(object: string, way: string): string[] | null {
  return at(embedded, object, way);
}

/** Whether Stripe has this route although the sandbox has not built it. */
export function isKnownRoute(method: string, segments: readonly string[]): boolean {
  return unbuiltRoutes.some((route) => {
    const [verb, path = ''] = route.split(' ');
    if (verb !== method) return false;
    const parts = path.split('/').slice(1);
    return parts.length === segments.length && parts.every((part, i) => part === '{id}' || part === segments[i]);
  });
}

/** The contract keys of Stripe's other routes, which the sandbox refuses as `unsupported`. */
export const unbuiltRoutes: readonly string[] = Object.keys(other_routes);

/** The text and code of a parameter that must be there. */
export function missingParam(name: string): Error {
  return invalidParam(`Missing required param: ${name}.`, name, 'parameter_missing');
}
