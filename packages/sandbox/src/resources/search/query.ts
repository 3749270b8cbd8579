/** A query of the search API, read and asked. https://docs.stripe.com/search#search-query-language */

/** How a field can be searched: `token` as a whole, `string` also by a part of it, `number` by bounds. */
export type FieldType = 'token' | 'string' | 'number';

export type Operator = ':' | '~' | '>' | '<' | '>=' | '<=';

/** One condition: `-metadata["k"]:"v"`. */
export interface Clause {
  field: string;
  /** The key within `metadata`. */
  key: string | null;
  operator: Operator;
  /** `null` asks for what has no value. */
  value: string | null;
  is_negated: boolean;
}

/** A whole query: clauses that must all hold, or one of them. */
export interface Query {
  joined_by: 'AND' | 'OR';
  clauses: Clause[];
}

/** Why a query is none, in Stripe's words. */
export class QueryError extends Error {}

const MOST_CLAUSES = 10;
const SHORTEST_PART = 3;

const UNREADABLE =
  'We were unable to parse your search query. Try using the format `metadata["key"]:"value"` to query for metadata or key:"value" to query for other fields.';

const text = /^(?:"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)')/;
const name = /^(-)?([a-z_][a-z0-9_.]*)/i;

function unescaped(match: RegExpExecArray): string {
  return (match[1] ?? match[2] ?? '').replaceAll(/\\(.)/g, '$1');
}

/** Reads one clause at the beginning of the rest; answers what follows it. */
function readClause(rest: string): [Clause, string] {
  const named = name.exec(rest);
  if (named === null) throw new QueryError(UNREADABLE);
  let after = rest.slice(named[0].length);
  let key: string | null = null;
  if (after.startsWith('[')) {
    const quoted = text.exec(after.slice(1));
    if (quoted === null || after[1 + quoted[0].length] !== ']') throw new QueryError(UNREADABLE);
    key = unescaped(quoted);
    after = after.slice(quoted[0].length + 2);
  }
  const operator = /^(>=|<=|[:~><=])/.exec(after)?.[0];
  if (operator === undefined) throw new QueryError(UNREADABLE);
  after = after.slice(operator.length);
  const quoted = text.exec(after);
  const bare = /^[^\s"'()]+/.exec(after);
  const found = quoted ?? bare;
  if (found === null) throw new QueryError(UNREADABLE);
  const value = quoted === null ? (bare?.[0] ?? '') : unescaped(quoted);
  const clause: Clause = {
    field: named[2] ?? '',
    key,
    operator: (operator === '=' ? ':' : operator) as Operator,
    value: quoted === null && value.toLowerCase() === 'null' ? null : value,
    is_negated: named[1] !== undefined,
  };
  return [clause, after.slice(found[0].length)];
}

/** Reads a query; throws {@link QueryError}. Clauses side by side are joined by AND. */
export function parseQuery(source: string): Query {
  const clauses: Clause[] = [];
  const joins = new Set<'AND' | 'OR'>();
  let rest = source.trim();
  while (rest !== '') {
    const [clause, after] = readClause(rest);
    clauses.push(clause);
    if (clauses.length > MOST_CLAUSES) throw new QueryError(`A query can have at most ${MOST_CLAUSES} clauses.`);
    if (after !== '' && !/^\s/.test(after)) throw new QueryError(UNREADABLE);
    const join = /^\s+(AND|OR)\s+/i.exec(after);
    if (join !== null) joins.add(join[1]?.toUpperCase() === 'OR' ? 'OR' : 'AND');
    else if (after.trim() !== '') joins.add('AND');
    rest = join === null ? after.trim() : after.slice(join[0].length);
    if (join !== null && rest === '') throw new QueryError(UNREADABLE);
  }
  if (clauses.length === 0) throw new QueryError(UNREADABLE);
  if (joins.size > 1) throw new QueryError('A query cannot combine AND with OR.');
  return { clauses, joined_by: joins.has('OR') ? 'OR' : 'AND' };
}

/** Refuses a clause that its field does not take. */
export function checkClause(clause: Clause, type: FieldType): void {
  const { field, operator, value } = clause;
  if (operator === '~' && type !== 'string') {
    throw new QueryError(`The operator \`~\` is not supported for the field \`${field}\`.`);
  }
  if (operator === '~' && (value ?? '').length < SHORTEST_PART) {
    throw new QueryError(`A part of \`${field}\` is searched for with at least ${SHORTEST_PART} characters.`);
  }
  if (!'~:'.includes(operator) && type !== 'number') {
    throw new QueryError(`The operator \`${operator}\` is only supported for numeric fields; \`${field}\` is none.`);
  }
  if (type === 'number' && value !== null && !/^-?\d{1,15}$/.test(value)) {
    throw new QueryError(`The value of the numeric field \`${field}\` must be a number.`);
  }
}

function compares(operator: Operator, found: number, wanted: number): boolean {
  switch (operator) {
    case '>':
      return found > wanted;
    case '<':
      return found < wanted;
    case '>=':
      return found >= wanted;
    case '<=':
      return found <= wanted;
    default:
      return found === wanted;
  }
}

/** Whether a clause holds for what an object has in its field. What has no value meets no condition but `null`. */
export function holds(clause: Clause, found: string | number | boolean | null | undefined): boolean {
  const meets = (): boolean => {
    const { operator, value } = clause;
    if (value === null) return found === null || found === undefined || found === '';
    if (found === null || found === undefined) return false;
    if (typeof found === 'number') return compares(operator, found, Number(value));
    const has = String(found).toLowerCase();
    return operator === '~' ? has.includes(value.toLowerCase()) : has === value.toLowerCase();
  };
  return meets() !== clause.is_negated;
}
