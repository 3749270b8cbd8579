// Writes src/operations.ts from docs/openapi.json: the whole API as types. With --check only says whether it is fresh.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { writeIfStale } from '../../server/scripts/write-if-stale.ts';

export const operationsFile = fileURLToPath(new URL('../src/operations.ts', import.meta.url));
const documentFile = fileURLToPath(new URL('../../../docs/openapi.json', import.meta.url));

interface Schema {
  $ref?: string;
  type?: string | string[];
  enum?: unknown[];
  const?: unknown;
  allOf?: Schema[];
  anyOf?: Schema[];
  oneOf?: Schema[];
  properties?: Record<string, Schema>;
  required?: string[];
  additionalProperties?: boolean | Schema;
  items?: Schema;
  description?: string;
}

type Content = Record<string, { schema?: Schema }>;

interface Operation {
  summary?: string;
  security?: Record<string, unknown>[];
  parameters?: { in: string; name: string; required?: boolean; schema: Schema }[];
  requestBody?: { required?: boolean; content: Content };
  responses: Record<string, { content?: Content }>;
}

interface Document {
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, Schema> };
}

/** Signed by others, asked by proxies, or streams. */
const notForPrograms = /^\/v1\/(?:keys\/leaks|stripe\/webhooks|gate\/forward-auth|usage\/live|gate\/changes)$/;

/** The text of the file, from the document as it is on disk. */
export function operationsText(): string {
  const document: Document = JSON.parse(readFileSync(documentFile, 'utf8'));
  const lines = [
    '// Written by scripts/generate-operations.ts from docs/openapi.json: npm run generate:sdk.',
    '',
    '/** What the API takes and answers, by the names of its document. */',
    'export interface Schemas {',
  ];
  for (const [name, schema] of Object.entries(document.components.schemas))
    lines.push(`  ${key(name)}: ${typeOf(schema)};`);
  lines.push(
    '}',
    '',
    '/** Every operation that a secret key opens: what it takes, and what it answers. */',
    'export interface Operations {',
  );
  const keyed: string[] = [];
  for (const [path, item] of Object.entries(document.paths)) {
    for (const [verb, operation] of Object.entries(item)) {
      if (!isForPrograms(path, operation)) continue;
      const name = `${verb.toUpperCase()} ${path}`;
      if (operation.summary !== undefined) lines.push(`  /** ${operation.summary.replaceAll('*/', '* /')} */`);
      lines.push(`  '${name}': { input: ${inputOf(operation)}; answer: ${answerOf(operation)} };`);
      if (operation.parameters?.some((one) => one.in === 'header' && one.name === 'idempotency-key')) keyed.push(name);
    }
  }
  lines.push('}', '', '/** Writes that are done once under an `Idempotency-Key`, however often they are sent. */');
  lines.push(
    'export const keyedOperations: ReadonlySet<string> = new Set([',
    ...keyed.map((name) => `  '${name}',`),
    ']);',
    '',
  );
  return lines.join('\n');
}

function isForPrograms(path: string, { security = [] }: Operation): boolean {
  if (!path.startsWith('/v1/') || notForPrograms.test(path)) return false;
  return security.length === 0 || security.some((one) => 'secret_key' in one);
}

function inputOf({ parameters = [], requestBody }: Operation): string {
  const parts: string[] = [];
  for (const place of ['path', 'query']) {
    const found = parameters.filter((one) => one.in === place);
    if (found.length === 0) continue;
    const fields = found.map((one) => `${key(one.name)}${one.required ? '' : '?'}: ${typeOf(one.schema)}`);
    parts.push(`${place}${found.some((one) => one.required) ? '' : '?'}: { ${fields.join('; ')} }`);
  }
  const body = requestBody?.content['application/json']?.schema;
  if (body !== undefined) parts.push(`body${requestBody?.required ? '' : '?'}: ${typeOf(body)}`);
  return parts.length === 0 ? '{}' : `{ ${parts.join('; ')} }`;
}

function answerOf({ responses }: Operation): string {
  const types = new Set<string>();
  for (const [status, { content = {} }] of Object.entries(responses)) {
    if (status.startsWith('3')) types.add('{ location: string }');
    if (!status.startsWith('2')) continue;
    for (const [type, { schema }] of Object.entries(content))
      types.add(type === 'application/json' && schema !== undefined ? typeOf(schema) : 'string');
    if (Object.keys(content).length === 0) types.add('null');
  }
  return [...types].join(' | ');
}

function typeOf(schema: Schema): string {
  const { $ref, type, allOf, anyOf, oneOf } = schema;
  if ($ref !== undefined) return `Schemas[${JSON.stringify($ref.split('/').at(-1)).replaceAll('"', "'")}]`;
  if (schema.const !== undefined) return literal(schema.const);
  if (schema.enum !== undefined) return schema.enum.map(literal).join(' | ');
  if (allOf !== undefined) return intersectionOf(allOf);
  const choices = anyOf ?? oneOf;
  if (choices !== undefined) return unionOf(choices.map(typeOf));
  if (Array.isArray(type)) return unionOf(type.map((one) => typeOf({ ...schema, type: one })));
  switch (type) {
    case 'string':
    case 'boolean':
    case 'null':
      return type;
    case 'integer':
    case 'number':
      return 'number';
    case 'array':
      return `${grouped(typeOf(schema.items ?? {}))}[]`;
    case 'object':
      return objectOf(schema);
    default:
      return 'unknown';
  }
}

/** What says nothing in an intersection is left out. */
function intersectionOf(schemas: readonly Schema[]): string {
  const types = schemas.map(typeOf).filter((type) => type !== 'unknown');
  return types.length === 0 ? 'unknown' : types.map((type) => (types.length === 1 ? type : grouped(type))).join(' & ');
}

/** Each once; a text of any kind takes in every text. */
function unionOf(types: readonly string[]): string {
  const all = new Set(types);
  return [...all].filter((type) => !(all.has('string') && type.startsWith("'"))).join(' | ');
}

function objectOf({ properties = {}, required = [], additionalProperties }: Schema): string {
  const fields = Object.entries(properties).map(
    ([name, schema]) => `${commentOf(schema)}${key(name)}${required.includes(name) ? '' : '?'}: ${typeOf(schema)}`,
  );
  const others = typeof additionalProperties === 'object' ? typeOf(additionalProperties) : 'unknown';
  if (fields.length === 0)
    return additionalProperties === false ? 'Record<string, never>' : `Record<string, ${others}>`;
  const known = `{ ${fields.join('; ')} }`;
  return typeof additionalProperties === 'object' ? `${known} & Record<string, ${others}>` : known;
}

function commentOf({ description }: Schema): string {
  return description === undefined ? '' : `/** ${description.replaceAll('*/', '* /').replaceAll('\n', ' ')} */ `;
}

function grouped(type: string): string {
  return /[|&]/.test(type) ? `(${type})` : type;
}

function key(name: string): string {
  return /^[a-z_]\w*$/i.test(name) ? name : `'${name}'`;
}

function literal(value: unknown): string {
  return typeof value === 'string' ? `'${value.replaceAll("'", "\\'")}'` : JSON.stringify(value);
}

if (import.meta.main) writeIfStale(operationsFile, operationsText(), process.argv.includes('--check'));
