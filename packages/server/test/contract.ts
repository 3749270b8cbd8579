import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import type { PlainCall, PlainCalls } from '../src/http/plain-server.ts';

export const documentFile = join(import.meta.dirname, '../../../docs/openapi.json');

/** What is in the way when the file does not say what the program says. */
export const staleDocument = 'docs/openapi.json is stale: run npm run generate:openapi';

type Schema = z.core.JSONSchema.JSONSchema;
type Media = Record<string, { schema: Schema }>;

interface Answer {
  content?: Media;
  $ref?: string;
}

interface Operation {
  parameters?: { name: string; in: string }[];
  responses: Record<string, Answer>;
}

interface Document {
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, Schema>; responses: Record<string, Answer> };
}

const document: Document = JSON.parse(readFileSync(documentFile, 'utf8'));
const faults: string[] = [];
const seen = new Set<string>();
const programs = new Set<string>();

/** What was answered since the last call and is not in the document: one sentence each. */
export function takeFaults(): string[] {
  return faults.splice(0);
}

/** Answers that were held against the document in this file: `GET /v1/plans/{id} 200`. */
export function seenAnswers(): ReadonlySet<string> {
  return seen;
}

/** Every documented operation with each of its statuses. */
export function promisedAnswers(): { operation: string; path: string; statuses: number[] }[] {
  return Object.entries(document.paths).flatMap(([path, operations]) =>
    Object.entries(operations).map(([method, { responses }]) => ({
      operation: `${method.toUpperCase()} ${path}`,
      path,
      statuses: Object.keys(responses).map(Number),
    })),
  );
}

/** The writes that take an `Idempotency-Key`, and which requests are theirs. */
export function writesWithKey(): { operation: string; matches(method: string, path: string): boolean }[] {
  return Object.entries(document.paths).flatMap(([path, operations]) =>
    Object.entries(operations)
      .filter(([, { parameters = [] }]) => parameters.some(({ name }) => name === 'idempotency-key'))
      .map(([name]) => ({
        operation: `${name.toUpperCase()} ${path}`,
        matches: (method: string, address: string) =>
          method.toLowerCase() === name && operationOf(method, address.split('?')[0] ?? '')?.path === path,
      })),
  );
}

/**
 * The same function, with every answer held against the document: its status, its content type, its body with no field too
 * many. `own` names paths that a test mounts beside the program's.
 */
export function watched<Rest extends unknown[]>(
  fetch: (request: Request, ...rest: Rest) => Response | Promise<Response>,
  own: ReadonlySet<string> = new Set(),
): (request: Request, ...rest: Rest) => Promise<Response> {
  return async (request, ...rest) => {
    const response = await fetch(request, ...rest);
    const path = new URL(request.url).pathname;
    if (!own.has(path)) await check(request.method, path, response);
    return response;
  };
}

/** The same calls, with every answer held against the document. */
export function watchedCalls(calls: PlainCalls): PlainCalls {
  return new Map(
    [...calls].map(([name, call]): [string, PlainCall] => [
      name,
      async (request, peer) => {
        const answer = await call(request, peer);
        if (answer === null) return null;
        const { status, headers, body } = answer;
        await check(request.method, request.path, new Response(body === '' ? null : body, { status, headers }));
        return answer;
      },
    ]),
  );
}

/** Also watches what is fetched from a program that runs as a process of its own. */
export function watchProgram(url: string): void {
  programs.add(new URL(url).origin);
}

/** In place of `fetch`: what comes from a watched program is held against the document. */
export function watchingFetch(fetch: typeof globalThis.fetch): typeof globalThis.fetch {
  return async (input, init) => {
    const response = await fetch(input, init);
    const url = new URL(input instanceof Request ? input.url : input);
    const method = init?.method ?? (input instanceof Request ? input.method : 'GET');
    if (programs.has(url.origin) && response.type !== 'opaqueredirect' && !response.redirected)
      await check(method, url.pathname, response);
    return response;
  };
}

async function check(method: string, path: string, response: Response): Promise<void> {
  const type = response.headers.get('content-type')?.split(';')[0]?.trim() ?? '';
  const isHead = method === 'HEAD';
  const found = operationOf(isHead ? 'GET' : method, path);
  const where = `${method} ${found?.path ?? path} answered ${response.status} ${type}`;
  if (found === null) return await checkUnknown(where, type, isHead, response);
  const promised = answerOf(found.operation.responses[String(response.status)]);
  if (promised === undefined)
    return void faults.push(`${where}, a status it does not promise: ${await textOf(response)}`);
  seen.add(`${method} ${found.path} ${response.status}`);
  if (isHead) return;
  if (promised.content === undefined) {
    const text = await textOf(response);
    if (text !== '') faults.push(`${where} with a body where none is promised: ${text}`);
    return;
  }
  const media = promised.content[type];
  if (media === undefined) return void faults.push(`${where}, a content type it does not promise`);
  // Streams are files or events: what a client reads of them, a test reads.
  if (/^text\/|ndjson$/.test(type)) return;
  checkBody(where, `${found.path} ${method} ${response.status} ${type}`, media.schema, await textOf(response));
}

/** Where no operation is, there are pages, and refusals in the common form. No data come from an undocumented address. */
async function checkUnknown(where: string, type: string, isHead: boolean, response: Response): Promise<void> {
  if (type === 'application/problem+json') {
    if (!isHead) checkBody(where, 'problem', { $ref: '#/components/schemas/Problem' }, await textOf(response));
  } else if (/json/.test(type) && type !== 'application/manifest+json')
    faults.push(`${where}, which is not in the document`);
}

async function textOf(response: Response): Promise<string> {
  return response.bodyUsed ? '' : await response.clone().text();
}

const compiled = new Map<string, z.ZodType>();

function checkBody(where: string, key: string, schema: Schema, text: string): void {
  const validator = compiled.get(key) ?? z.fromJSONSchema({ ...closed(schema), $defs: definitions() });
  compiled.set(key, validator);
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    return void faults.push(`${where}, and the body is not JSON: ${text.slice(0, 200)}`);
  }
  const { error } = validator.safeParse(body);
  if (error !== undefined) faults.push(`${where}\n${z.prettifyError(error)}\n${text.slice(0, 400)}`);
}

function answerOf(answer: Answer | undefined): Answer | undefined {
  return answer?.$ref === undefined ? answer : document.components.responses[answer.$ref.split('/').at(-1) ?? ''];
}

function operationOf(method: string, path: string): { path: string; operation: Operation } | null {
  const name = method.toLowerCase();
  for (const [template, operations] of byExactness()) {
    const operation = operations[name];
    const pattern = template.replaceAll(/[.+]/g, '\\$&').replaceAll(/\{\w+\}/g, '[^/]+');
    if (operation !== undefined && new RegExp(`^${pattern}$`).test(path)) return { path: template, operation };
  }
  return null;
}

/** `/v1/invoices/upcoming` before `/v1/invoices/{id}`. */
function byExactness(): [string, Record<string, Operation>][] {
  const places = (path: string) => path.split('{').length;
  return Object.entries(document.paths).toSorted(([a], [b]) => places(a) - places(b));
}

let closedDefinitions: Record<string, Schema> | null = null;

function definitions(): Record<string, Schema> {
  closedDefinitions ??= Object.fromEntries(
    Object.entries(document.components.schemas).map(([name, schema]) => [name, closed(schema)]),
  );
  return closedDefinitions;
}

/**
 * The schema with every object closed. The document leaves objects open, so that clients bear a field that is new; here a
 * field that nobody wrote down is a fault. What is composed is merged first, since each part alone knows less than the whole.
 */
function closed(schema: Schema): Schema {
  const { allOf, anyOf, oneOf, items, $ref, ...rest } = schema;
  if ($ref !== undefined) return { $ref: $ref.replace('#/components/schemas/', '#/$defs/') };
  if (allOf !== undefined) return merged([...allOf.map(asSchema), rest].map(resolved));
  const alternatives = anyOf ?? oneOf;
  if (alternatives !== undefined) return { anyOf: alternatives.map((part) => closed(asSchema(part))) };
  if (items !== undefined && !Array.isArray(items)) return { ...rest, items: closed(asSchema(items)) };
  if (rest.properties === undefined)
    return typeof rest.additionalProperties === 'object'
      ? { ...rest, additionalProperties: closed(rest.additionalProperties) }
      : rest;
  const properties = Object.entries(rest.properties).map(([name, part]) => [name, closed(asSchema(part))]);
  return {
    ...rest,
    properties: Object.fromEntries(properties),
    additionalProperties: rest.additionalProperties ?? false,
  };
}

function resolved(schema: Schema): Schema {
  const target = schema.$ref === undefined ? schema : document.components.schemas[schema.$ref.split('/').at(-1) ?? ''];
  if (target === undefined) throw new Error(`The document does not hold ${schema.$ref}`);
  return target.allOf === undefined ? target : closed(target);
}

function merged(parts: readonly Schema[]): Schema {
  const objects = parts.filter((part) => part.properties !== undefined);
  if (objects.length === 0) return closed(Object.assign({}, ...parts));
  return closed({
    type: 'object',
    properties: Object.assign({}, ...objects.map((part) => part.properties)),
    required: [...new Set(objects.flatMap((part) => part.required ?? []))],
  });
}

function asSchema(part: Schema | boolean): Schema {
  return typeof part === 'boolean' ? {} : part;
}
